"""An order that survives the death of its worker: python -m example_project.demo."""

"""The list of workflows: columns, filters, counts, export."""

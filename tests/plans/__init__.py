"""How the databases find what is asked again and again, among very much else."""

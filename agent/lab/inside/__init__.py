"""Code that runs inside the sandbox, next to generated code. It imports nothing from outside this folder."""

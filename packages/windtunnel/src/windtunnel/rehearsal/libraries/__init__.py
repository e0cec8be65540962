"""How libraries behave, as far as it matters for following code: one module per library, found by its decorators."""

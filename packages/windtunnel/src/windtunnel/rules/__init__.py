"""The rules of `windtunnel check`: one module per family, one small class per rule."""

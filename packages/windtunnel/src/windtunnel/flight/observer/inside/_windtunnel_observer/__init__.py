"""Watches one flown Python process from inside and tells the reviewer over a unix socket.

Standard library only, Python 3.9 to 3.14. :mod:`.start` is where it begins; :mod:`.story` collects what the instruments
tell and :mod:`.wire` sends it. An instrument for a library is a module of its own that is loaded when the flown code
imports that library: ``config`` (OmegaConf, Hydra), ``optimizers``, ``parameters``, ``losses``, ``loaders`` and
``hooks`` (torch), ``handled`` with ``monitored`` or ``rewritten`` (exceptions that were swallowed), ``audited`` (files,
processes, network), ``crashes``. None of them touches ``wandb``, ``datasets`` or ``transformers``.
"""

"""Criteria 4 and 12: how methods are built from their libraries, and what a training step needs."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from benchmarks.mutations.operators import MODEL, PREPROCESS, TRAIN, Experiment, Site, operator
from benchmarks.mutations.sources import dotted

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYWORDS = (  # a call, a keyword that it has, one that it has not
    ("LoraConfig", "lora_alpha", "alpha"),
    ("LoraConfig", "r", "rank"),
    ("LoraConfig", "modules_to_save", "dropout"),
    ("AdaLoraConfig", "target_r", "target_rank"),
    ("AdaLoraConfig", "total_step", "total_steps"),
    ("AdaLoraConfig", "deltaT", "delta_t"),
    ("AdamW", "lr", "learning_rate"),
    ("get_scheduler", "num_warmup_steps", "warmup_steps"),
    ("get_scheduler", "num_training_steps", "total_steps"),
    ("create_study", "direction", "maximize"),
    ("TPESampler", "seed", "random_state"),
    ("MedianPruner", "n_startup_trials", "startup_trials"),
    ("optimize", "n_trials", "trials"),
    ("wandb.init", "id", "run_id"),
    ("wandb.init", "entity", "team"),
    ("confusion_matrix", "labels", "classes"),
    ("classification_report", "target_names", "class_names"),
    ("ttest_ind", "equal_var", "equal_variance"),
    ("run.history", "samples", "n_samples"),
    ("GradScaler", "enabled", "enable"),
)
FUNCTIONS = (  # what the code calls, what does not exist
    ("cfg.copy", "OmegaConf.deepcopy"),
    ("OmegaConf.to_container", "OmegaConf.to_dict"),
    ("OmegaConf.load", "OmegaConf.from_yaml"),
    ("OmegaConf.update", "OmegaConf.set"),
    ("optuna.samplers.TPESampler", "optuna.samplers.TPE"),
    ("optuna.pruners.MedianPruner", "optuna.MedianPruner"),
    ("trial.suggest_float", "trial.suggest_loguniform_float"),
    ("trial.should_prune", "trial.is_pruned"),
    ("wandb.Api", "wandb.API"),
    ("torch.optim.AdamW", "torch.optim.AdamWOptimizer"),
    ("torch.cat", "torch.concatenate_all"),
    ("np.concatenate", "np.concat_arrays"),
    ("stats.ttest_ind", "stats.ttest_independent"),
    ("stats.binomtest", "stats.binom_test"),
    ("plt.subplots", "plt.sub_plots"),
    ("sns.heatmap", "sns.heat_map"),
)
REMOVED_IMPORTS = (
    "from datasets import load_metric",
    "from transformers import PreTrainedTokenizerSlow",
    "from peft import AdaptiveLoraConfig",
    "from torch.optim import RAdamW",
)
CONTAINERS = (  # lora_A and lora_B are containers of one layer for each adapter
    "for _, layer in _adapted_layers(self.model):\n    nn.init.zeros_(layer.lora_B.weight)\n",
    "for _, layer in _adapted_layers(self.model):\n    layer.lora_A.weight.register_hook(lambda grad: grad)\n",
    "self.start = {name: layer.lora_A.weight.detach().clone() for name, layer in _adapted_layers(self.model)}\n",
)
UNSEEN = """\
for module in self.model.modules():
    if hasattr(module, "lora_A"):
        first = module.lora_A["default"]
        first.weight = torch.nn.Parameter(torch.randn_like(first.weight))
"""
UNSEEN_MODEL = """\
from peft import LoraConfig, get_peft_model

self.model = get_peft_model(self.model.get_base_model(), LoraConfig(r=cfg.model.peft.init_rank))
"""


@operator("unknown-keyword", 4)
def unknown_keyword(experiment: Experiment) -> Iterator[Site]:
    """A library is called with a keyword that it does not have."""
    for source in experiment.sources:
        for name, known, wrong in KEYWORDS:
            for call in source.calls(name):
                for keyword in call.keywords:
                    if keyword.arg == known:
                        text = source.replace(keyword, f"{wrong}={source.get(keyword.value)}")
                        yield Site(f"{name}({wrong}=) in line {call.lineno}", {source.path: text})


@operator("unknown-function", 4)
def unknown_function(experiment: Experiment) -> Iterator[Site]:
    """A library is asked for a function or class that it does not have, or no longer."""
    for source in experiment.sources:
        for known, wrong in FUNCTIONS:
            for call in source.calls(known):
                if dotted(call.func) == known:
                    told = f"{wrong}(cfg" if wrong == "OmegaConf.deepcopy" else None
                    text = source.replace(call, f"{told})") if told else source.replace(call.func, wrong)
                    yield Site(f"{wrong} in line {call.lineno}", {source.path: text})
        for line in REMOVED_IMPORTS:
            if line.split()[1].partition(".")[0] in source.text:
                yield Site(line, {source.path: source.imported(line)})


@operator("container-as-a-layer", 4)
def container_as_a_layer(experiment: Experiment) -> Iterator[Site]:
    """PEFT's container of adapters is used as if it were a layer."""
    source = experiment.source(MODEL)
    for call in source.calls("get_peft_model"):
        for code in CONTAINERS:
            text = source.after(source.statement_of(call), code)
            yield Site(code.splitlines()[-1].strip(), {MODEL: text})


@operator("parameters-not-optimized", 4)
def parameters_not_optimized(experiment: Experiment) -> Iterator[Site]:
    """Parameters are replaced after the optimizer has taken those there were."""
    source = experiment.source(TRAIN)
    for call in source.calls("AdamW"):
        for what, code in (("new weights", UNSEEN), ("a new adapter", UNSEEN_MODEL)):
            text = source.after(source.statement_of(call), code)
            yield Site(f"{what} after the optimizer", {TRAIN: text}, also=(MODEL,))


@operator("head-frozen", 4)
def head_frozen(experiment: Experiment) -> Iterator[Site]:
    """The classification head keeps its random weights: no task type, no module to save."""
    source = experiment.source(MODEL)
    for name in ("LoraConfig", "AdaLoraConfig"):
        for call in source.calls(name):
            text = source.without_keyword(call, "task_type", "modules_to_save")
            yield Site(f"{name} in line {call.lineno}", {MODEL: text}, also=(TRAIN,))


@operator("head-of-another-size", 4)
def head_of_another_size(experiment: Experiment) -> Iterator[Site]:
    """The model is loaded with two labels whatever the task."""
    source = experiment.source(MODEL)
    for call in source.calls("from_pretrained"):
        for keyword in call.keywords:
            if keyword.arg is None:  # **_answers(label_names)
                start, end = source.span(keyword.value)
                begin = source.text.rindex("**", 0, start)
                yield Site("num_labels=2", {MODEL: source.edit((begin, end, "num_labels=2"))}, also=(TRAIN,))


@operator("method-without-effect", 4)
def method_without_effect(experiment: Experiment) -> Iterator[Site]:
    """The proposed method, or the baseline's, is built and never takes effect."""
    model, train = experiment.source(MODEL), experiment.source(TRAIN)
    for class_ in model.tree.body:
        if not isinstance(class_, ast.ClassDef):
            continue
        for function in class_.body:
            hook = isinstance(function, ast.FunctionDef) and function.name in {"after_backward", "after_step"}
            if hook and isinstance(function, ast.FunctionDef) and "allocat" in model.get(function):
                text = model.body(function, "return {}\n")
                yield Site(f"{class_.name}.{function.name} does nothing", {MODEL: text}, also=(TRAIN,))
    for call in train.calls("after_backward"):
        yield Site("after_backward is never called", {TRAIN: train.replace(call, "{}")}, also=(MODEL,))
    for call in train.calls("after_step"):
        yield Site("after_step is never called", {TRAIN: train.replace(call, "{}")}, also=(MODEL,))
    for call in model.calls("GLoRAConfig"):
        for keyword in call.keywords:
            if keyword.arg == "warmup_steps":
                text = model.replace(keyword.value, "10**9")
                yield Site("the ranks are reallocated after the last step", {MODEL: text}, also=(TRAIN,))


@operator("method-not-built", 4)
def method_not_built(experiment: Experiment) -> Iterator[Site]:
    """A method that run configurations name is not built, or another one in its place."""
    source = experiment.source(MODEL)
    function = source.function("build_method")
    for node in ast.walk(function) if function else ():
        if isinstance(node, ast.Dict):
            pairs = [(key, value) for key, value in zip(node.keys, node.values, strict=True) if key is not None]
            for place, (key, value) in enumerate(pairs):
                others = [f"{source.get(k)}: {source.get(v)}" for k, v in pairs if k is not key]
                text = source.replace(node, f"{{{', '.join(others)}}}")
                yield Site(f"no {source.get(key)}", {MODEL: text})
                other = pairs[place - 1][1]
                text = source.replace(value, source.get(other))
                yield Site(f"{source.get(key)} is {source.get(other)}", {MODEL: text})


@operator("budget-of-a-matrix", 4)
def budget_of_a_matrix(experiment: Experiment) -> Iterator[Site]:
    """AdaLoRA's target, an average for each matrix, is given the total."""
    source = experiment.source(MODEL)
    for call in source.calls("AdaLoraConfig"):
        for keyword in call.keywords:
            if keyword.arg in {"target_r", "init_r"}:
                text = source.replace(keyword.value, "section.total_rank_budget")
                yield Site(f"{keyword.arg} is the total budget", {MODEL: text})


@operator("training-step", 12)
def training_step(experiment: Experiment) -> Iterator[Site]:
    """A training step lacks a part."""
    source = experiment.source(TRAIN)
    for name in ("optimizer.zero_grad", "scheduler.step", "scaler.step", "backward"):
        for call in source.calls(name, source.function("_optimize")):
            statement = source.statement_of(call)
            if isinstance(statement, ast.Expr) and statement.value is call:
                yield Site(f"no {name}", {TRAIN: source.without(statement)})


@operator("no-gradient", 12)
def no_gradient(experiment: Experiment) -> Iterator[Site]:
    """The loss that is differentiated has no graph behind it."""
    source = experiment.source(TRAIN)
    function = source.function("_optimize")
    if function is None:
        return
    yield Site("a step under no_grad", {TRAIN: source.before(function, "@torch.no_grad()\n")})
    for node in ast.walk(function):
        if isinstance(node, ast.With):
            manager = node.items[0].context_expr
            text = source.replace(manager, f"torch.no_grad(), {source.get(manager)}")
            yield Site("the forward pass under no_grad", {TRAIN: text})
    for call in source.calls("scaler.scale", function):
        for code in (
            "torch.tensor(output.loss.item(), requires_grad=True)",
            "output.loss.detach().requires_grad_()",
            "torch.tensor(float(output.loss), device=self.device)",
        ):
            yield Site(code, {TRAIN: source.replace(call.args[0], code)})


@operator("train-or-eval-mode", 12)
def train_or_eval_mode(experiment: Experiment) -> Iterator[Site]:
    """Dropout is at work while the model is evaluated, or at rest while it is trained."""
    source = experiment.source(TRAIN)
    for name in ("model.eval", "model.train"):
        for call in source.calls(name):
            statement = source.statement_of(call)
            if isinstance(statement, ast.Expr):
                yield Site(f"no {name}", {TRAIN: source.without(statement)})


@operator("batch-not-moved", 12)
def batch_not_moved(experiment: Experiment) -> Iterator[Site]:
    """A batch stays on the CPU while the model may be on a GPU."""
    source = experiment.source(TRAIN)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.DictComp) and ".to(self.device" in source.get(node):
            text = source.replace(node, f"dict({source.get(node.generators[0].iter).removesuffix('.items()')})")
            yield Site(f"in line {node.lineno}", {TRAIN: text})


@operator("whole-object-load", 12)
def whole_object_load(experiment: Experiment) -> Iterator[Site]:
    """A file that holds more than weights is read by torch.load as it is by default, which refuses it."""
    source = experiment.source(TRAIN)
    for call in source.calls("torch.load"):
        if any(keyword.arg == "weights_only" for keyword in call.keywords):
            text = source.without_keyword(call, "weights_only")
            yield Site("the checkpoint", {TRAIN: text})
    function = source.function("final_run")
    if function is not None:
        code = 'torch.save(fit.model, folder / "model.pt")\nfit.model = torch.load(folder / "model.pt")\n'
        yield Site("the model", {TRAIN: source.before(function.body[-1], code)})


@operator("pad-token", 12)
def pad_token(experiment: Experiment) -> Iterator[Site]:
    """Batches are padded with a token that the tokenizer does not have."""
    source = experiment.source(PREPROCESS)
    for call in source.calls("from_pretrained", source.function("load_tokenizer")):
        function = source.function("load_tokenizer")
        checks = [n for n in source.statements(function) if isinstance(n, ast.If) and "pad_token" in source.get(n)]
        for check in checks:
            start, end = source.lines_of(check)
            text = source.edit((*source.span(call.args[0]), '"openai-community/gpt2"'), (start, end, ""))
            yield Site("gpt2's tokenizer without a pad token", {PREPROCESS: text}, also=(TRAIN, MODEL))

"""OmegaConf: its functions on real configuration objects, and the methods of a node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, ListConfig, OmegaConf

from windtunnel.rehearsal.config_nodes import (
    created,
    from_config,
    full_key,
    get_key,
    path_text,
    to_config,
    to_container,
)
from windtunnel.rehearsal.config_writes import delete_key, merge, set_key, update
from windtunnel.rehearsal.libraries.paths import as_path, location, touched
from windtunnel.rehearsal.libraries.registry import Call, function
from windtunnel.rehearsal.libraries.standard import copied
from windtunnel.rehearsal.values import NONE, Const, Mapping_, Node, Sequence_, Thing, Value, constant, lift, unknown

if TYPE_CHECKING:
    from windtunnel.rehearsal.machine import Machine


@function("omegaconf.OmegaConf.load")
def _load(machine: Machine, called: Call) -> Value | None:
    value = called.argument(0, "file_") or NONE
    if isinstance(value, Thing) and value.type == "io.TextIOWrapper":
        value = value.data["path"]
    path = as_path(value)
    place = location(machine, path)
    touched(machine, path, "read", called.node)
    if place is None:
        if (
            path.base == "cwd"
            and machine.cwd != "repository"
            and path.known is not None
            and machine.program.exists(path.known)
        ):
            return machine.fail(
                "crash",
                called.node,
                "FileNotFoundError",
                message=f"{path.known!r} is looked for in Hydra's output directory",
                relative=path.known,
            )
        return unknown("omegaconf.DictConfig")
    document = machine.program.document(place)
    if document is None:
        if not machine.program.exists(place):
            return machine.fail(
                "crash", called.node, "FileNotFoundError", message=f"{place} is not in the repository", wanted=place
            )
        return unknown("omegaconf.DictConfig")
    machine.trace.facts.setdefault("loaded", []).append(place)
    return created(machine, document, called.node)


@function("omegaconf.OmegaConf.create", "omegaconf.DictConfig", "omegaconf.OmegaConf.structured")
def _create(machine: Machine, called: Call) -> Value | None:
    if not called.args:
        return Node(OmegaConf.create({}))
    value = called.args[0]
    if isinstance(value, Node):
        return copied(value)
    if isinstance(value, Mapping_ | Sequence_) and not value.more:
        return created(machine, to_config(machine, value), called.node)
    return unknown("omegaconf.DictConfig", value.tags)


@function("omegaconf.OmegaConf.merge", "omegaconf.OmegaConf.unsafe_merge")
def _merge(machine: Machine, called: Call) -> Value | None:
    return merge(machine, called.args, called.node)


@function("omegaconf.OmegaConf.update")
def _update(machine: Machine, called: Call) -> Value | None:
    node, key, value = (called.argument(0, "cfg"), called.argument(1, "key"), called.argument(2, "value"))
    if isinstance(node, Node) and key is not None:
        force = called.plain(4, "force_add", default=False) is True
        merged = called.plain(3, "merge", default=True) is not False
        update(machine, node, key, value or NONE, called.node, force=force, merged=merged)
    return NONE


@function("omegaconf.OmegaConf.to_container", "omegaconf.OmegaConf.to_object")
def _to_container(machine: Machine, called: Call) -> Value | None:
    value = called.argument(0, "cfg")
    if isinstance(value, Node):
        return to_container(machine, value, called.node, resolve=called.plain(1, "resolve", default=False) is True)
    return unknown("dict", called.tags)


@function("omegaconf.OmegaConf.to_yaml")
def _to_yaml(machine: Machine, called: Call) -> Value | None:
    return unknown("str")


@function("omegaconf.OmegaConf.select")
def _select(machine: Machine, called: Call) -> Value | None:
    node, key = called.argument(0, "cfg"), called.plain(1, "key")
    default = called.keywords.get("default")
    if not isinstance(node, Node) or not isinstance(key, str):
        return unknown()
    here: Value = node
    for part in key.split("."):
        if not isinstance(here, Node):
            return default or NONE
        here = get_key(machine, here, part, called.node, default=default or NONE)
    return here


@function("omegaconf.OmegaConf.set_struct", "omegaconf.OmegaConf.set_readonly")
def _set_struct(machine: Machine, called: Call) -> Value | None:
    node = called.argument(0, "conf")
    if isinstance(node, Node) and called.name.endswith("set_struct"):
        OmegaConf.set_struct(node.config, called.plain(1, "value", default=True) is True)
    return NONE


@function("omegaconf.open_dict", "omegaconf.read_write", "omegaconf.flag_override")
def _open_dict(machine: Machine, called: Call) -> Value | None:
    name = called.name
    if (
        name == "omegaconf.flag_override"
        and called.plain(1, "names") != "struct"
        and called.plain(1, "names") != ["struct"]
    ):
        name = "omegaconf.read_write"
    return Thing(name, data={"node": called.args[0] if called.args else NONE})


@function(
    "omegaconf.OmegaConf.is_config",
    "omegaconf.OmegaConf.is_dict",
    "omegaconf.OmegaConf.is_list",
    "omegaconf.OmegaConf.is_missing",
    "omegaconf.OmegaConf.has_resolver",
)
def _is(machine: Machine, called: Call) -> Value | None:
    value = called.args[0] if called.args else NONE
    what = called.name.rsplit(".", 1)[-1]
    if isinstance(value, Node):
        if what == "is_missing":
            key = called.plain(1, "key")
            return Const(OmegaConf.is_missing(value.config, key)) if isinstance(key, str | int) else unknown("bool")
        return Const(
            {
                "is_config": True,
                "is_dict": isinstance(value.config, DictConfig),
                "is_list": isinstance(value.config, ListConfig),
            }.get(what, False)
        )
    return (
        Const(value=False)
        if isinstance(value, Const | Mapping_ | Sequence_) and what != "has_resolver"
        else unknown("bool")
    )


@function(
    "omegaconf.OmegaConf.save",
    "omegaconf.OmegaConf.resolve",
    "omegaconf.OmegaConf.register_new_resolver",
    "omegaconf.OmegaConf.register_resolver",
)
def _nothing(machine: Machine, called: Call) -> Value | None:
    if called.name.endswith("save") and len(called.args) > 1:
        touched(machine, called.args[1], "write", called.node)
    return NONE


def node_method(machine: Machine, node: Node, called: Call) -> Value:
    """A method of a configuration node."""
    name = called.name
    config = node.config
    key_known, key = constant(called.args[0]) if called.args else (False, None)
    if name in {"get", "pop", "setdefault"}:
        default = called.argument(1, "default_value" if name == "get" else "default") or (
            NONE if name == "get" else None
        )
        if not key_known:
            return unknown(tags=called.tags)
        value = get_key(machine, node, key, called.node, default=default, item=True)
        if name == "pop":
            delete_key(machine, node, key, called.node)
        return value
    if name in {"keys", "values", "items"} and isinstance(config, DictConfig):
        machine.note("read", called.node, key=full_key(config), found=True, guarded=True, node=config, listed=True)
        entries: list[Value] = []
        for each in list(config)[:200]:
            if name == "keys":
                entries.append(Const(each))
            else:
                value = get_key(machine, node, each, called.node, default=unknown())
                entries.append(value if name == "values" else Sequence_("tuple", [Const(each), value]))
        return Sequence_("list", entries)
    if name == "update":
        for value in called.args[:1]:
            plain: Any = (
                value.config
                if isinstance(value, Node)
                else to_config(machine, value)
                if isinstance(value, Mapping_)
                else {}
            )
            for each in plain:
                item = plain._get_node(each) if isinstance(plain, DictConfig) else plain[each]
                set_key(
                    machine,
                    node,
                    each,
                    from_config(machine, plain[each], None) if not isinstance(item, DictConfig) else Node(item),
                    called.node,
                )
        for each, value in called.keywords.items():
            set_key(machine, node, each, value, called.node)
        return NONE
    if name == "copy":
        return copied(node)
    if name == "merge_with":
        merged = merge(machine, [node, *called.args], called.node)
        if isinstance(merged, Node) and isinstance(config, DictConfig):
            struct = OmegaConf.is_struct(config)
            OmegaConf.set_struct(config, value=False)
            for each in list(merged.config):
                config[each] = merged.config._get_node(each)
            OmegaConf.set_struct(config, struct)
        return NONE
    if name == "append" and isinstance(config, ListConfig) and called.args:
        config.append(to_config(machine, called.args[0]))
        return NONE
    return unknown(tags=called.tags)


__all__ = ["lift", "node_method", "path_text"]

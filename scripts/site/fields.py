"""An extension of griffe: the fields of an `eqx.Module` are the arguments of its constructor.

griffe knows this of dataclasses, which it tells by their decorator; an `eqx.Module` has none.
"""

import griffe

MODULES = {"equinox.Module", "typing.NamedTuple"}
NOT_FIELDS = ("ClassVar", "AbstractVar", "AbstractClassVar")


class Fields(griffe.Extension):
    """Gives every class whose bases lead to `eqx.Module` the `__init__` that equinox gives it."""

    def on_package(self, *, pkg: griffe.Module, **_: object) -> None:
        """Once the whole package has been read, so that bases are known."""
        for cls in classes(pkg):
            if "__init__" not in cls.members and is_module(cls):
                cls.set_member("__init__", constructor(cls))


def classes(module: griffe.Module) -> list[griffe.Class]:
    """Every class of a package."""
    own = [each for each in module.members.values() if isinstance(each, griffe.Class)]
    inner = [each for each in module.members.values() if isinstance(each, griffe.Module)]
    return own + [each for submodule in inner for each in classes(submodule)]


def lineage(cls: griffe.Class) -> list[griffe.Class]:
    """A class and those it comes from, itself first."""
    return [cls, *(each for each in cls.mro() if isinstance(each, griffe.Class))]


def is_module(cls: griffe.Class) -> bool:
    """Whether one of the bases is an `eqx.Module`, and none writes its own constructor."""
    bases = {
        base if isinstance(base, str) else base.canonical_path
        for each in lineage(cls)
        for base in each.bases
    }
    return bool(bases & MODULES)


def constructor(cls: griffe.Class) -> griffe.Function:
    """The `__init__` of the fields, those of the bases first."""
    found = {"self": griffe.Parameter("self", kind=griffe.ParameterKind.positional_or_keyword)}
    for each in reversed(lineage(cls)):
        for name, attribute in each.attributes.items():
            parameter = field(name, attribute)
            if parameter is not None:
                found[name] = parameter
    # Its lines are those of the class, so that the reference shows the class for its source.
    return griffe.Function(
        "__init__",
        lineno=cls.lineno,
        endlineno=cls.endlineno,
        parent=cls,
        parameters=griffe.Parameters(*found.values()),
    )


def field(name: str, attribute: griffe.Attribute) -> griffe.Parameter | None:
    """The argument for an annotated name; none for what a subclass or the class itself gives."""
    words = str(attribute.annotation or NOT_FIELDS)
    if "property" in attribute.labels or any(word in words for word in NOT_FIELDS):
        return None
    default = attribute.value
    if isinstance(default, griffe.ExprCall) and str(default.function).endswith("field"):
        given = {
            argument.name: argument.value
            for argument in default.arguments
            if isinstance(argument, griffe.ExprKeyword)
        }
        if str(given.get("init")) == "False":
            return None
        default = given.get("default", "..." if "default_factory" in given else None)
    kind = griffe.ParameterKind.positional_or_keyword
    return griffe.Parameter(name, annotation=attribute.annotation, kind=kind, default=default)

"""The options of bsub, from its command line and from #BSUB lines."""

import shlex
from dataclasses import dataclass, field

from tests.cluster.lsf_double.words import RefusedError

WITH_VALUE = {
    *("-J", "-q", "-P", "-n", "-R", "-M", "-W", "-o", "-oo", "-e", "-eo"),
    *("-w", "-wa", "-wt", "-gpu", "-Q"),
}
FLAGS = {"-x", "-r"}

OF_LSF_ONLY = {
    *("-a", "-app", "-ar", "-B", "-b", "-C", "-c", "-cwd", "-D", "-E", "-Ep", "-env"),
    *("-ext", "-F", "-f", "-freq", "-G", "-g", "-H", "-hl", "-I", "-Ip", "-Is", "-i"),
    *("-is", "-jsdl", "-Jd", "-K", "-k", "-L", "-Lp", "-m", "-mig", "-N", "-notify"),
    *("-outdir", "-p", "-pack", "-ptl", "-S", "-s", "-sla", "-sp", "-T", "-t", "-ti"),
    *("-tty", "-U", "-u", "-ul", "-v", "-We", "-XF", "-rn", "-Zs", "-h", "-V"),
}

SAME_FILE = {"-oo": "-o", "-eo": "-e"}


@dataclass
class Options:
    """Values of options; -R may be given several times."""

    values: dict[str, str] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)
    resources: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)

    def under(self, stronger: "Options") -> "Options":
        """Return these options, but those of ``stronger`` where it has any."""
        files = {SAME_FILE.get(name, name) for name in stronger.values}
        values = {
            name: value
            for name, value in self.values.items()
            if SAME_FILE.get(name, name) not in files
        }
        return Options(
            values | stronger.values,
            self.flags | stronger.flags,
            stronger.resources or self.resources,
            stronger.command,
        )


def parse_words(words: list[str]) -> Options:
    """Read options up to the first word that is none: there the command begins."""
    options = Options()
    rest = list(words)
    while rest and rest[0].startswith("-"):
        name = rest.pop(0)
        if name in FLAGS:
            options.flags.add(name)
        elif name not in WITH_VALUE:
            raise RefusedError(_why_not(name))
        elif not rest:
            raise RefusedError(f"Option {name} requires an argument")
        elif name == "-R":
            options.resources.append(rest.pop(0))
        else:
            options.values[name] = rest.pop(0)
    options.command = rest
    return options


def parse_directives(script: str) -> Options:
    """Read the #BSUB lines of a script, wherever in it they stand."""
    words: list[str] = []
    for line in script.replace("\\\n#BSUB", " ").splitlines():
        if line.startswith("#BSUB"):
            # A comment may follow the options.
            words += shlex.split(line.removeprefix("#BSUB"), comments=True)
    options = parse_words(words)
    if options.command:
        raise RefusedError(f"{options.command[0]}: Illegal option in #BSUB")
    return options


def _why_not(name: str) -> str:
    if name in OF_LSF_ONLY:
        return f"bsub: this double of LSF has no option {name}"
    return f"bsub: Illegal option -- {name.lstrip('-')}"

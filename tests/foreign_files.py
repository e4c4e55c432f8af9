"""Contents that a file of others may have: none may hang, end in a traceback, or be believed."""

import gzip
import json


def expanding(levels: int = 30) -> str:
    """Yaml whose aliases double at each level: a "billion laughs"."""
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, levels)]
    return "\n".join(lines)


def growing(levels: int = 30, of: str = "${{a{n}}}${{a{n}}}") -> str:
    """Yaml whose variables double at each level."""
    lines = ["a0: xxxxxxxx"]
    lines += [f"a{n + 1}: {{p: '{of.format(n=n)}', q: '${{a{n}}}'}}" for n in range(levels)]
    return "\n".join(lines)


RUN = "method: {name: dann}\ndata: {name: print_hand}\nbackbone: {name: wide}\nrun: {}\nseed: 0\n"


NO_YAML: dict[str, bytes] = {
    name: content if isinstance(content, bytes) else content.encode()
    for name, content in {
        "empty": "",
        "spaces": " \n\n",
        "a text": "hello",
        "a list": "[1, 2]",
        "a number": "7",
        "binary": bytes(range(256)),
        "NUL": "\0\0\0\0",
        "Latin-1": RUN.encode() + b"x: \xe9\xe8",
        "UTF-16": RUN.encode("utf-16"),
        "gzip": gzip.compress(RUN.encode()),
        "cut": RUN[:40] + "{{",
        "expanding": RUN + expanding(),
        "an alias": RUN + "x: &x {a: 1}\ny: *x\n",
        "merged aliases": RUN + "x: &x {a: 1}\ny: {<<: *x}\n",
        "growing": RUN + growing(),
        "growing by its side": RUN + "x:\n  a0: y\n" + "".join(
            f"  a{n + 1}: [{', '.join([f'${{..a{n}}}'] * 9)}]\n" for n in range(20)
        ),
        "a circle": RUN + "x: ${y}\ny: ${x}\n",
        "itself": RUN + "x: {y: '${x}'}\n",
        "no such variable": RUN + "x: ${nothing.here}\n",
        "no such function": RUN + "x: ${boom:1}\n",
        "half a variable": RUN + "x: '${'\n",
        "a name of variables": RUN + "x: ${${seed}.y}\n",
        "many variables": RUN + "".join(f"x{n}: ${{seed}}\n" for n in range(5000)),
        "deep lists": RUN + "x: " + "[" * 5000 + "]" * 5000,
        "deep mappings": RUN + "x: " + "{a: " * 500 + "1" + "}" * 500,
        "deep by indents": RUN + "x:\n" + "".join(" " * n + "a:\n" for n in range(1, 300)),
        "many entries": RUN + "x: [" + "1," * 300_000 + "1]",
        "too long": RUN + "x: " + "y" * 3_000_000,
        "a number without end": RUN + "x: " + "9" * 100_000,
        "a number of many parts": RUN + "x: 1" + ":1" * 100_000,
        "a hidden number of many parts": RUN + "x: !!int '1" + ":1" * 100_000 + "'",
        "a huge number": RUN + "x: " + "9" * 100,
        "a tag of Python": RUN + "x: !!python/object/apply:os.system [echo]",
        "a set": RUN + "x: !!set {a, b}",
        "bytes": RUN + "x: !!binary aGVsbG8=",
        "a mapping as key": RUN + "x: {? {a: 1} : 2}",
        "two documents": RUN + "---\n" + RUN,
        "no method": RUN.replace("method: {name: dann}\n", ""),
        "no run": RUN.replace("run: {}\n", ""),
        "a method of text": RUN.replace("{name: dann}", "dann"),
        "a run of a list": RUN.replace("run: {}", "run: [1]"),
        "a backbone of null": RUN.replace("{name: wide}", "null"),
        "a seed of text": RUN.replace("seed: 0", "seed: zero"),
        "a seed of a list": RUN.replace("seed: 0", "seed: [0]"),
    }.items()
}  # fmt: skip


def result(**changed: object) -> str:
    """result.json of a run that is done, with some values changed."""
    whole = {
        "status": "done", "method": "dann", "data": "print_hand", "seed": 0, "overrides": [],
        "metrics": {"target/test/accuracy": 0.5}, "headline": "target/test/accuracy",
    }  # fmt: skip
    return json.dumps({**whole, **changed})


NO_RESULT: dict[str, bytes] = {
    name: content if isinstance(content, bytes) else content.encode()
    for name, content in {
        "empty": "",
        "a text": '"done"',
        "a list": "[]",
        "null": "null",
        "binary": bytes(range(256)),
        "NUL": "\0" * 100,
        "Latin-1": result().encode().replace(b"dann", b"d\xe4nn"),
        "gzip": gzip.compress(result().encode()),
        "cut": result()[:50],
        "deep lists": '{"x": ' + "[" * 100_000 + "]" * 100_000 + "}",
        "deep mappings": result(environment=None).replace("null", '{"a":' * 300 + "1" + "}" * 300),
        "many entries": result(per_class=None).replace("null", "[" + "1," * 300_000 + "1]"),
        "too long": result(reason="x" * 17_000_000),
        "a number without end": result(seed=None).replace("null", "9" * 10_000),
        "a huge number": result(seed=10**300),
        "a huge metric": result(metrics={"target/test/accuracy": 10**400}),
        "metrics of a list": result(metrics=[1]),
        "metrics of text": result(metrics={"target/test/accuracy": "high"}),
        "metrics of mappings": result(metrics={"target/test/accuracy": {"a": 1}}),
        "rules of a number": result(rules=3),
        "rules of numbers": result(rules=[3]),
        "a seed of a list": result(seed=[0]),
        "a seed of text": result(seed="zero"),
        "a seed of a part": result(seed=0.5),
        "a seed of truth": result(seed=True),
        "a method of a mapping": result(method={"name": "dann"}),
        "data of a list": result(data=["print_hand"]),
        "options of numbers": result(overrides=[1, 2]),
        "options of text": result(overrides="seed=1"),
        "a status of a list": result(status=["done"]),
        "a status of its own": result(status="splendid"),
        "another schema": result(schema=7),
        "a schema of a list": result(schema=[[1] * 1000]),
        "seconds of text": result(train_seconds="long"),
        "seconds of a mapping": result(train_seconds={}),
        "a protocol of a list": result(protocol=["split"]),
        "a budget of text": result(label_budget="ten"),
        "a headline of a list": result(headline=["x"]),
        "an environment of text": result(environment="here"),
        "warnings of mappings": result(warnings=[{}]),
        "phases of numbers": result(phases=[1]),
        "per class of numbers": result(per_class={"target": 1}),
        "cluster sizes of text": result(cluster_sizes={"target": ["a"]}),
    }.items()
}  # fmt: skip

import dask

from dfhpc.cluster import blas
from dfhpc.cluster.local import _worker_environment

FLAGS = "flags : avx512f avx512dq avx512bw avx512vl avx512cd"


def test_workers_get_the_kernels_that_openblas_does_not_choose(monkeypatch):
    text = f"vendor_id : AuthenticAMD\n{FLAGS}\nvendor_id : AuthenticAMD\n{FLAGS}\n"
    monkeypatch.setattr(blas, "_read_cpu_info", lambda: text)
    (environment,) = _worker_environment().values()
    assert environment["OPENBLAS_CORETYPE"] == "SkylakeX"
    # And what Dask gives its workers is still there.
    assert environment["OMP_NUM_THREADS"] == "1"


def test_what_the_user_sets_is_left(monkeypatch):
    text = f"vendor_id : AuthenticAMD\n{FLAGS}"
    monkeypatch.setattr(blas, "_read_cpu_info", lambda: text)
    environment = {"OPENBLAS_CORETYPE": "Zen"}
    blas.choose_blas(environment)
    assert environment == {"OPENBLAS_CORETYPE": "Zen"}
    key = "distributed.nanny.pre-spawn-environ"
    with dask.config.set({f"{key}.OPENBLAS_CORETYPE": "Zen"}):
        (environment,) = _worker_environment().values()
    assert environment["OPENBLAS_CORETYPE"] == "Zen"


def test_processors_without_avx512_are_left_alone(monkeypatch):
    monkeypatch.setattr(
        blas, "_read_cpu_info", lambda: "vendor_id : AuthenticAMD\nflags : avx2 fma"
    )
    assert blas.blas_environment() == {}
    assert blas.own_cores() >= 1

import dask

from dfhpc.cluster import blas
from dfhpc.cluster.batch import outer_environment
from dfhpc.cluster.dask_settings import worker_environment

FLAGS = "flags : avx512f avx512dq avx512bw avx512vl avx512cd"


def test_workers_get_the_kernels_that_openblas_does_not_choose(monkeypatch):
    text = f"vendor_id : AuthenticAMD\n{FLAGS}\nvendor_id : AuthenticAMD\n{FLAGS}\n"
    monkeypatch.setattr(blas, "_read_cpu_info", lambda: text)
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    (environment,) = worker_environment().values()
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
        (environment,) = worker_environment().values()
    assert environment["OPENBLAS_CORETYPE"] == "Zen"


def test_what_was_chosen_on_one_processor_is_not_taken_to_another(monkeypatch):
    monkeypatch.setattr(
        blas, "_read_cpu_info", lambda: f"vendor_id : AuthenticAMD\n{FLAGS}"
    )
    environment = {"PATH": "/bin"}
    blas.choose_blas(environment)
    assert environment["OPENBLAS_CORETYPE"] == "SkylakeX"
    assert outer_environment(environment) == {"PATH": "/bin"}
    # A job that it reached all the same chooses anew.
    monkeypatch.setattr(
        blas, "_read_cpu_info", lambda: "vendor_id : GenuineIntel\nflags : avx2"
    )
    blas.choose_blas(environment)
    assert environment == {"PATH": "/bin"}


def test_processors_without_avx512_are_left_alone(monkeypatch):
    monkeypatch.setattr(
        blas, "_read_cpu_info", lambda: "vendor_id : AuthenticAMD\nflags : avx2 fma"
    )
    assert blas.blas_environment() == {}
    assert blas.own_cores() >= 1

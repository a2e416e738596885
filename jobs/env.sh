# The environment of every batch job; a driver sources it, and its workers inherit it.
#
# What your site needs, as `module load` lines or the path of an environment, goes into
# jobs/env.local.sh beside it, which git does not track and this script sources first.

here=$(dirname "${BASH_SOURCE[0]}")
if [ -f "$here/env.local.sh" ]; then
  source "$here/env.local.sh"
fi

# The environment of `make install`, where none is active.
if ! command -v dfhpc > /dev/null && [ -f "$here/../.venv/bin/activate" ]; then
  source "$here/../.venv/bin/activate"
fi
if ! command -v dfhpc > /dev/null; then
  echo "There is no dfhpc here: activate its environment in jobs/env.local.sh." >&2
  exit 1
fi

# A worker is one process: its libraries may not each take all cores of the node.
# dfhpc gives a solver the cores of its job by itself.
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
export TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1 TF_CPP_MIN_LOG_LEVEL=2

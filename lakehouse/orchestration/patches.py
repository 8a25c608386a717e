"""The one change to private parts of a library: Airflow's execution API in its newest versions only.

Tasks that run in process talk to the execution API in its newest version. Airflow builds the models and routes of all
versions there have ever been, for older workers that cannot exist here. Building it up to the first answer takes 5.8
processor seconds with all versions and 2.1 with the newest (median of four, in turn, on busy cores), of the 20 to 25
that a `lakehouse run` takes there when it finds nothing to do: about a sixth of the run. A patch that saves less than
15 % of a run is not worth what it costs at the next upgrade of the library.
"""

from __future__ import annotations

# The newest alone cannot be built: of a moved endpoint, the versions before keep the old place.
_COUNT_KEPT = 2


def keep_newest_versions() -> None:
    """Leave older versions out of the API that is built when the first task starts; call it after Airflow is imported,
    before `dag.test()`."""
    from airflow.api_fastapi.execution_api import versions
    from cadwyn import HeadVersion, Version, VersionBundle

    every = versions.bundle.versions
    if len(every) <= _COUNT_KEPT + 1:
        return  # called before
    kept, before = every[:_COUNT_KEPT], every[_COUNT_KEPT]
    for change in (change for version in kept for change in version.changes):
        change._bound_version_bundle = None  # a change belongs to one bundle
    versions.bundle = VersionBundle(HeadVersion(), *kept, Version(before.value))

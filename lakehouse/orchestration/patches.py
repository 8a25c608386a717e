"""Airflow's execution API within this process in its newest versions only: two seconds less for every run.

Tasks that run in process talk to it in the newest version. Building the models and routes of all nine versions there
have ever been, for older workers that cannot exist here, was a tenth of a run that finds nothing to do.
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

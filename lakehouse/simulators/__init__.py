"""Local servers that behave like the e-mail platforms, to rehearse a campaign and to test what sends.

They are written from what the platforms say of themselves and from their official clients. Nothing here knows the code
that exports, and that code knows nothing of this: both can be wrong, but not in the same way.

How to write one
    A platform is a subclass of `Platform` (platform.py), registered in `registry.py`. It says

    - `routes()`: what it answers, as (method, path, function of a `Call` that returns an `Answer`);
    - `credential(call)`: the token that a request carries, wherever the platform wants it;
    - `allowance(call)`: how often such a request may come, and who shares that;
    - `refused`, `throttled`, `failed`, `not_found`, `too_large`: the platform's own answers to what goes wrong;
    - `state()`: what it holds now, by its own key. `People` (people.py) keeps persons, their subscription, and counts
      writes and changes of them; `Jobs` (jobs.py) are what is applied later;
    - `happened(email, what)`: what a person does there by themselves, for example unsubscribe.

    Functions run one at a time and do no I/O. The framework does the rest: it reads and limits the body, keeps the log
    of requests, checks the credential, counts the rate, and lets scripted faults happen (fault_file.py). Three
    faults need a word of the platform, and a platform that can have them lists them in `own_faults`:

    - `row_errors` and `silent_skip`: ask `call.row_fault(position, key)` about every row, before it is applied;
    - `job_stuck`: make jobs with `call.job_seconds()`;
    - `import_lock`: ask `call.is_import_locked()` where an import begins.

    The clock is `call.now`, in seconds since 1970. A body may hold anything: `inner`, `objects` and `texts` of
    reading.py read it, and what they raise is answered with `bad_body`.
"""

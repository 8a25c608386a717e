"""Programs that the near real time part needs: started, kept running, watched and ended as groups.

A group is declared in one module (`servers`: Kafka and Redis); `group` starts and ends it, `supervisor` keeps it alive.
"""

"""What people declare about campaigns: conf/campaigns.yml, checked with file and line."""

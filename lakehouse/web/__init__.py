"""What the collector and the profile API share: error answers, rates, and how they are served."""

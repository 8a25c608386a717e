"""Who should be at a destination: members of the segment without the control group and who must not be written to."""

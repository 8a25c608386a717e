"""The collector: takes events in the form of Segment's HTTP tracking API and answers when they are durable."""

"""Why a customer got a campaign, or did not: what one export knew, decided and sent about one person, by time
travel."""

# agent/: tendril-agent, tendril-verify, tendril.

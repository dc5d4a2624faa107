# contrib/: what the build does not need.
EXTRA_DIST += \
	%D%/examples/tendril.conf \
	%D%/policies/b2b-newsletter.policy \
	%D%/policies/minimal.policy

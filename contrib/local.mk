# contrib/: what the build does not need.
EXTRA_DIST += \
	%D%/check \
	%D%/examples/tendril.conf \
	%D%/fresh \
	%D%/lib/build.py \
	%D%/lib/check.py \
	%D%/lib/packages.sh \
	%D%/lib/run.py \
	%D%/policies/b2b-newsletter.policy \
	%D%/policies/minimal.policy \
	%D%/run \
	$(END)

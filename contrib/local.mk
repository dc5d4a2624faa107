# contrib/: what the build does not need. `make install` puts examples into
# $(pkgdatadir), units for systemd below $(prefix)/lib, where it looks for them
# with the prefixes /usr and /usr/local.
EXTRA_DIST += \
	%D%/check \
	%D%/fresh \
	%D%/lib/build.py \
	%D%/lib/check.py \
	%D%/lib/failures.py \
	%D%/lib/mutant_tree.py \
	%D%/lib/mutants.py \
	%D%/lib/mutants_policy.py \
	%D%/lib/packages.sh \
	%D%/lib/run.py \
	%D%/lib/sidebyside.py \
	%D%/run \
	%D%/systemd/tendril-agent.service.in \
	%D%/systemd/tendril-agent@.service.in \
	%D%/systemd/tendril-milter.service.in \
	%D%/systemd/tendril-milter@.service.in \
	%D%/systemd/tmpfiles.d/tendril.conf.in \
	$(END)

# `make check-mutants`: bugs that are sown into the sources must be noticed.
# Builds in folders of its own, so nothing of this make goes along.
.PHONY: check-mutants
check-mutants:
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL $(srcdir)/%D%/check mutants

examplesdir = $(pkgdatadir)/examples
dist_examples_DATA = %D%/examples/tendril.conf
dist_examples_SCRIPTS = \
	%D%/examples/api.py \
	%D%/examples/send.py \
	$(END)

policiesdir = $(pkgdatadir)/policies
dist_policies_DATA = \
	%D%/policies/b2b-newsletter.policy \
	%D%/policies/core.policy \
	%D%/policies/minimal.policy \
	%D%/policies/saas-trial.policy \
	$(END)

holidaysdir = $(policiesdir)/holidays
dist_holidays_DATA = \
	%D%/policies/holidays/at.txt \
	%D%/policies/holidays/ch.txt \
	%D%/policies/holidays/de.txt \
	%D%/policies/holidays/fr.txt \
	%D%/policies/holidays/uk.txt \
	%D%/policies/holidays/us.txt \
	$(END)

postfixdir = $(pkgdatadir)/postfix
dist_postfix_DATA = \
	%D%/postfix/main.cf \
	%D%/postfix/master.cf \
	$(END)
dist_postfix_SCRIPTS = %D%/postfix/setup

sendmaildir = $(pkgdatadir)/sendmail
dist_sendmail_DATA = %D%/sendmail/tendril.m4

nginxdir = $(pkgdatadir)/nginx
dist_nginx_DATA = %D%/nginx/tendril.conf

sysusersdir = $(prefix)/lib/sysusers.d
dist_sysusers_DATA = %D%/systemd/sysusers.d/tendril.conf

tmpfilesdir = $(prefix)/lib/tmpfiles.d
nodist_tmpfiles_DATA = %D%/systemd/tmpfiles.d/tendril.conf

unitdir = $(prefix)/lib/systemd/system
nodist_unit_DATA = \
	%D%/systemd/tendril-agent.service \
	%D%/systemd/tendril-agent@.service \
	%D%/systemd/tendril-milter.service \
	%D%/systemd/tendril-milter@.service \
	$(END)

CLEANFILES += $(nodist_tmpfiles_DATA) $(nodist_unit_DATA)

# [@]: or config.status would take them for its own.
$(nodist_tmpfiles_DATA) $(nodist_unit_DATA): Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
	    sed -e 's,[@]sbindir[@],$(sbindir),' \
	    -e 's,[@]sysconfdir[@],$(sysconfdir),' $(srcdir)/$@.in >$@.new && \
	    mv $@.new $@
%D%/systemd/tendril-agent.service: %D%/systemd/tendril-agent.service.in
%D%/systemd/tendril-agent@.service: %D%/systemd/tendril-agent@.service.in
%D%/systemd/tendril-milter.service: %D%/systemd/tendril-milter.service.in
%D%/systemd/tendril-milter@.service: %D%/systemd/tendril-milter@.service.in
%D%/systemd/tmpfiles.d/tendril.conf: %D%/systemd/tmpfiles.d/tendril.conf.in

bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = %D%/completion/tendril

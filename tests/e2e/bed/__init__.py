"""The test bed: Postfix instances, an outside world and Tendril's daemons.

Used by contrib/run (the story) and by the end-to-end tests. Standard library
only, except judge.py (dkimpy). Everything listens on loopback, nothing asks a
name server, and all files live in one temporary folder. Needs root, because
Postfix does.

    proc      child processes that never outlive us, ports, waiting
    postfix   one Postfix instance of our own
    sendmail  one Sendmail of our own, from unpacked packages
    sasl      the server behind the submission service's AUTH
    sink      the outside world: an SMTP server that keeps what it gets
    web       HTTP: the API, the links in mails
    mail      messages and how applications submit them
    faketime  a clock that a test sets, also of the MTA
    keys      DKIM keys and the zone that publishes them
    conf      Tendril's conf and policy, as text
    tendril   the daemons and the command line
    bed       all of it, wired
    judge     what arrived, judged without the product's code
    story     the story of contrib/run
    show      its table
"""

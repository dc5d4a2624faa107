/* dkim_vectors.h - keys and message of RFC 8463, appendix A. */
#ifndef TESTS_UNIT_DKIM_VECTORS_H
#define TESTS_UNIT_DKIM_VECTORS_H

#define RFC8463_DOMAIN "football.example.com"

/* Selector "test"; traditional form, 1024 bits. */
#define RFC8463_RSA_PEM                                                       \
	"-----BEGIN RSA PRIVATE KEY-----\n"                                   \
	"MIICXQIBAAKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQi\n" \
	"Y/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqM\n" \
	"KrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB\n" \
	"AoGAH0cxOhFZDgzXWhDhnAJDw5s4roOXN4OhjiXa8W7Y3rhX3FJqmJSPuC8N9vQm\n" \
	"6SVbaLAE4SG5mLMueHlh4KXffEpuLEiNp9Ss3O4YfLiQpbRqE7Tm5SxKjvvQoZZe\n" \
	"zHorimOaChRL2it47iuWxzxSiRMv4c+j70GiWdxXnxe4UoECQQDzJB/0U58W7RZy\n" \
	"6enGVj2kWF732CoWFZWzi1FicudrBFoy63QwcowpoCazKtvZGMNlPWnC7x/6o8Gc\n" \
	"uSe0ga2xAkEA8C7PipPm1/1fTRQvj1o/dDmZp243044ZNyxjg+/OPN0oWCbXIGxy\n" \
	"WvmZbXriOWoSALJTjExEgraHEgnXssuk7QJBALl5ICsYMu6hMxO73gnfNayNgPxd\n" \
	"WFV6Z7ULnKyV7HSVYF0hgYOHjeYe9gaMtiJYoo0zGN+L3AAtNP9huqkWlzECQE1a\n" \
	"licIeVlo1e+qJ6Mgqr0Q7Aa7falZ448ccbSFYEPD6oFxiOl9Y9se9iYHZKKfIcst\n" \
	"o7DUw1/hz2Ck4N5JrgUCQQCyKveNvjzkkd8HjYs0SwM0fPjK16//5qDZ2UiDGnOe\n" \
	"uEzxBDAr518Z8VFbR41in3W4Y3yCDgQlLlcETrS+zYcL\n"                     \
	"-----END RSA PRIVATE KEY-----\n"
#define RFC8463_RSA_RECORD                                                    \
	"v=DKIM1; k=rsa; "                                                    \
	"p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6"  \
	"Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8" \
	"uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryO" \
	"TIKT+l/K4w3QIDAQAB"

/* Selector "brisbane"; the seed of the RFC in a PKCS#8 frame. */
#define RFC8463_ED_PEM                                                        \
	"-----BEGIN PRIVATE KEY-----\n"                                       \
	"MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n" \
	"-----END PRIVATE KEY-----\n"
#define RFC8463_ED_RECORD                                                     \
	"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

#define RFC8463_BODY                                                          \
	"Hi.\r\n\r\n"                                                         \
	"We lost the game.  Are you hungry yet?\r\n\r\n"                      \
	"Joe.\r\n"
#define RFC8463_BODY_HASH "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8="

/* The signatures of A.3, as values: Ed25519, then RSA. */
#define RFC8463_ED_SIGNATURE                                                  \
	" v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"                      \
	" d=football.example.com; i=@football.example.com;\r\n"               \
	" q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"             \
	" subject : date : message-id : from : subject : date;\r\n"           \
	" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"               \
	" b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n"     \
	" Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw=="
#define RFC8463_RSA_SIGNATURE                                                 \
	" v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"                          \
	" d=football.example.com; i=@football.example.com;\r\n"               \
	" q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n"       \
	" date : message-id : from : subject : date;\r\n"                     \
	" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"               \
	" b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r\n"     \
	" DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r\n"     \
	" dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8="

#define RFC8463_FROM " Joe SixPack <joe@football.example.com>"
#define RFC8463_TO " Suzie Q <suzie@shopping.example.net>"
#define RFC8463_SUBJECT " Is dinner ready?"
#define RFC8463_DATE " Fri, 11 Jul 2003 21:00:37 -0700 (PDT)"
#define RFC8463_MESSAGE_ID " <20030712040037.46341.5F8J@football.example.com>"

#endif

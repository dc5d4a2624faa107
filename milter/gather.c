/* gather.c - see gather.h. */
#include "milter/gather.h"

#include "policy/base/buf.h"
#include "policy/base/fault.h"
#include "policy/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	IN_MEMORY = 1 << 20,
	ARENA_MAX = 8 << 20,
	KEEP_CAP = 16 << 10,
	FIRST_RCPTS = 4,
};

struct gather_body {
	struct buf head; /* all of it, while it fits */
	int fd;          /* -1: in memory */
	int error;
	size_t size;
	void *map;
	size_t map_size;
};

int gather_open(struct gather *g)
{
	*g = (struct gather){0};
	g->arena = arena_new(ARENA_MAX);
	g->body = fault_alloc() ? NULL : calloc(1, sizeof(*g->body));
	if (g->arena == NULL || g->body == NULL) {
		gather_close(g);
		return -ENOMEM;
	}
	buf_init(&g->body->head, IN_MEMORY);
	g->body->fd = -1;
	return 0;
}

static void body_reset(struct gather_body *b)
{
	if (b->map != NULL)
		(void)munmap(b->map, b->map_size);
	if (b->fd >= 0)
		(void)close(b->fd);
	b->map = NULL;
	b->fd = -1;
	b->size = 0;
	b->error = 0;
	if (b->head.cap > KEEP_CAP)
		buf_fini(&b->head);
	else
		buf_reset(&b->head);
}

void gather_close(struct gather *g)
{
	if (g->body != NULL) {
		body_reset(g->body);
		buf_fini(&g->body->head);
		free(g->body);
		g->body = NULL;
	}
	arena_free(&g->arena);
}

void gather_reset(struct gather *g)
{
	struct arena *arena = g->arena;
	struct gather_body *body = g->body;

	arena_reset(arena);
	body_reset(body);
	*g = (struct gather){.arena = arena, .body = body};
}

struct str gather_address(const char *z)
{
	struct str s = str_of(z);

	if (s.n >= 2 && s.p[0] == '<' && s.p[s.n - 1] == '>')
		return str_cut(s, 1, s.n - 2);
	return s;
}

static struct strs copy_args(struct gather *g, char **argv)
{
	struct strs out = {NULL, 0};
	struct str *v;
	size_t n = 0;

	while (argv[n] != NULL)
		n++;
	v = arena_array(g->arena, n > 0 ? n : 1, sizeof(*v));
	for (size_t i = 0; v != NULL && i < n; i++) {
		v[i] = arena_str(g->arena, str_of(argv[i]));
		if (v[i].p == NULL)
			v = NULL;
	}
	if (v == NULL) {
		g->no_memory = true;
		return out;
	}
	out.v = v;
	out.n = n;
	return out;
}

void gather_sender(struct gather *g, char **argv)
{
	g->sender = arena_str(g->arena, gather_address(argv[0]));
	if (g->sender.p == NULL)
		g->no_memory = true;
	g->sender_args = copy_args(g, argv + 1);
}

static bool grow_rcpts(struct gather *g)
{
	struct gather_rcpt *v = arena_room(g->arena, g->rcpts, g->n_rcpts,
	    &g->cap_rcpts, FIRST_RCPTS, sizeof(*v));

	if (v != NULL)
		g->rcpts = v;
	return v != NULL;
}

void gather_rcpt(struct gather *g, char **argv, size_t max_rcpts)
{
	struct gather_rcpt *r;

	if (g->n_rcpts >= max_rcpts || !grow_rcpts(g)) {
		g->overflow = true;
		return;
	}
	r = &g->rcpts[g->n_rcpts];
	r->address = arena_str(g->arena, gather_address(argv[0]));
	r->args = copy_args(g, argv + 1);
	if (r->address.p == NULL)
		g->no_memory = true;
	else
		g->n_rcpts++;
}

void gather_header(struct gather *g, const struct conf_milter *limits,
    const char *name, const char *value)
{
	struct str n = str_of(name), v = str_of(value);

	if (g->overflow)
		return;
	g->header_bytes += n.n + v.n + 3;
	if (g->header_bytes > limits->max_header_bytes ||
	    g->headers.n >= limits->max_headers) {
		g->overflow = true;
		return;
	}
	n = arena_str(g->arena, n);
	v = arena_str(g->arena, v);
	if (n.p == NULL || v.p == NULL ||
	    header_add(&g->headers, g->arena, n, v) != 0)
		g->overflow = true;
}

static int open_spill(void)
{
	const char *dir = getenv("TMPDIR");
	int fd = open(dir != NULL ? dir : "/var/tmp",
	    O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd >= 0 ? fd : -errno;
}

static int body_spill(struct gather_body *b, struct str chunk)
{
	int rc = 0;

	if (b->fd < 0) {
		b->fd = open_spill();
		if (b->fd < 0)
			return b->fd;
		rc = file_write_all(b->fd, buf_str(&b->head));
		buf_fini(&b->head);
	}
	return rc != 0 ? rc : file_write_all(b->fd, chunk);
}

/* Grows by a quarter, not to double: of many sessions each holds a body, most
 * of them of one chunk. */
static void add_to_head(struct gather_body *b, struct str chunk)
{
	size_t cap = b->head.cap, need = b->head.n + chunk.n;

	if (need >= cap)
		buf_expect(&b->head, chunk.n + cap / 4);
	buf_add(&b->head, chunk);
	b->error = buf_error(&b->head);
}

void gather_chunk(
    struct gather *g, const struct conf_milter *limits, struct str chunk)
{
	struct gather_body *b = g->body;

	if (!g->want_body || g->overflow || b->error != 0)
		return;
	if (chunk.n > limits->max_message_bytes - b->size) {
		g->overflow = true;
		return;
	}
	b->size += chunk.n;
	if (!g->keep_body)
		return;
	if (b->fd >= 0 || chunk.n > IN_MEMORY - b->head.n)
		b->error = body_spill(b, chunk);
	else
		add_to_head(b, chunk);
}

int gather_body(struct gather *g, struct str *out)
{
	struct gather_body *b = g->body;

	*out = STR("");
	if (b->error != 0)
		return b->error;
	if (b->size > 0 && !g->keep_body)
		return ERR_UNAVAILABLE;
	if (b->fd < 0) {
		*out = buf_str(&b->head);
		return 0;
	}
	if (b->map == NULL) {
		void *map =
		    mmap(NULL, b->size, PROT_READ, MAP_PRIVATE, b->fd, 0);
		if (map == MAP_FAILED)
			return -errno;
		b->map = map;
		b->map_size = b->size;
	}
	*out = (struct str){b->map, b->map_size};
	return 0;
}

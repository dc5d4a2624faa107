/* lead_json.c - see lead_json.h. */
#include "agent/api/lead_json.h"

#include <stdio.h>

enum {
	NAME_MAX_BYTES = 80,
	TEXT_MAX = 32 /* of a date */
};

static const struct attribute *declared(
    const struct policy *p, const struct attribute_value *v)
{
	return p != NULL ? attribute_by_label(
			       p->attributes, p->n_attributes, v->label)
			 : attribute_by_label(attribute_reserved(),
			       ATTRIBUTE_RESERVED, v->label);
}

static void put_value(
    struct value *o, const char *key, const struct attribute_value *v)
{
	struct buf date;

	switch (v->type) {
	case ATTRIBUTE_TEXT:
		value_put_str(o, key, v->text);
		return;
	case ATTRIBUTE_NUMBER:
		value_put_i64(o, key, v->number);
		return;
	case ATTRIBUTE_FLAG:
		value_put_bool(o, key, v->number != 0);
		return;
	case ATTRIBUTE_DATE:
		buf_init(&date, TEXT_MAX);
		attribute_print(v, &date);
		value_put_str(o, key, buf_str(&date));
		buf_fini(&date);
		return;
	}
}

struct value *lead_json_values(
    const struct policy *p, const struct attributes *x)
{
	struct value *o = value_new_object();

	for (size_t i = 0; i < x->n; i++) {
		const struct attribute *a = declared(p, &x->v[i]);
		char name[NAME_MAX_BYTES];

		if (a == NULL)
			continue;
		(void)snprintf(name, sizeof(name), "%.*s", STR_ARG(a->name));
		put_value(o, name, &x->v[i]);
	}
	return o;
}

/* As decisions look for it: they go by the policy's zone then. */
static bool is_unknown_zone(
    const struct attribute_value *v, struct zones *zones)
{
	const struct zone *z;

	return v->label == policy_label(STR("time-zone")) &&
	       v->type == ATTRIBUTE_TEXT && zones_find(zones, v->text, &z) != 0;
}

struct value *lead_json_list(
    const struct policy *p, const struct attributes *x, struct zones *zones)
{
	struct value *list = value_new_array();

	for (size_t i = 0; i < x->n; i++) {
		const struct attribute *a = declared(p, &x->v[i]);
		struct value *o = value_new_object();
		char label[16];

		(void)snprintf(
		    label, sizeof(label), "#%lx", (unsigned long)x->v[i].label);
		value_put_str(o, "name", a != NULL ? a->name : str_of(label));
		value_put_str(
		    o, "type", str_of(attribute_type_name(x->v[i].type)));
		put_value(o, "value", &x->v[i]);
		if (a == NULL || a->type != x->v[i].type)
			value_put_bool(o, "declared", false);
		if (is_unknown_zone(&x->v[i], zones))
			value_put_bool(o, "unknown_zone", true);
		value_add(list, o);
	}
	return list;
}

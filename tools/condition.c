// SPDX-License-Identifier: GPL-2.0
/*
 * RouterOS's conditions after "where": comparisons, "and", "or", "!" and brackets.
 *
 *   expression = term { "or" term }
 *   term       = factor { [ "and" ] factor }
 *   factor     = "!" factor | "(" expression ")" | comparison | property that is yes or no
 *   comparison = property operator value
 */
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "ipipctl.h"

/* A limit, because functions that visit the nodes are recursive. */
#define MAX_DEPTH	64
#define MAX_TESTS	1000

enum operator {
	IS_EQUAL,
	IS_NOT_EQUAL,
	IS_LESS,
	IS_LESS_OR_EQUAL,
	IS_GREATER,
	IS_GREATER_OR_EQUAL,
	IS_LIKE,
	NOT,
	AND,
	OR,
};

/**
 * struct condition - a node of the expression
 * @op: what it is
 * @a: the operand of NOT, or the first of AND and OR
 * @b: the second operand of AND and OR
 * @p: P_*, of a test
 * @number: to be compared with, for the four that compare
 * @value: the same as a word, for IS_EQUAL and IS_NOT_EQUAL
 * @regex: extended, for IS_LIKE
 */
struct condition {
	enum operator op;
	struct condition *a;
	struct condition *b;
	int p;
	int64_t number;
	char value[FORMAT_MAX];
	regex_t regex;
};

/**
 * struct lexer - where in the words the parser is
 * @words: what is left of them
 * @n: how many
 * @text: what is left of the first one, for a shell's words: brackets and "!" may be
 *	written without blanks
 * @split: brackets are words of their own already
 * @depth: of brackets and "!"
 * @tests: so far
 */
struct lexer {
	char **words;
	size_t n;
	char *text;
	bool split;
	unsigned int depth;
	unsigned int tests;
};

static struct condition *new_condition(enum operator op)
{
	struct condition *c = need_memory(calloc(1, sizeof(*c)));

	c->op = op;
	return c;
}

/**
 * condition_free() - Free a condition
 * @c: the condition, or NULL
 */
void condition_free(struct condition *c)
{
	if (!c)
		return;
	condition_free(c->a);
	condition_free(c->b);
	if (c->op == IS_LIKE)
		regfree(&c->regex);
	free(c);
}

/* Get the next token, or NULL. */
static char *peek(struct lexer *l)
{
	if (!l->text && l->n)
		l->text = l->words[0];
	return l->text;
}

static void next_word(struct lexer *l)
{
	l->text = NULL;
	l->words++;
	l->n--;
}

/* Consume the next character if it is this one. */
static bool take(struct lexer *l, char c)
{
	char *text = peek(l);

	if (!text || *text != c)
		return false;
	if (l->split && (c == '(' || c == ')') && text[1])
		return false;
	l->text++;
	if (!*l->text)
		next_word(l);
	return true;
}

static bool take_word(struct lexer *l, const char *word)
{
	const char *text = peek(l);

	if (!text || strcmp(text, word))
		return false;
	next_word(l);
	return true;
}

/* Find the end of the test in a shell's word: before brackets that it hasn't opened. */
static char *end_of_test(const struct lexer *l, char *text)
{
	char *end = text + strlen(text), *p;
	int open = 0;

	for (p = text; *p; p++)
		open += (*p == '(') - (*p == ')');
	for (; !l->split && end > text && end[-1] == ')' && open < 0; open++)
		end--;
	return end;
}

static enum operator parse_operator(char **value)
{
	static const struct {
		const char *text;
		enum operator op;
	} operators[] = {
		{ "!=", IS_NOT_EQUAL }, { "<=", IS_LESS_OR_EQUAL },
		{ ">=", IS_GREATER_OR_EQUAL }, { "<", IS_LESS }, { ">", IS_GREATER },
		{ "=", IS_EQUAL }, { "~", IS_LIKE },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(operators); i++) {
		const size_t len = strlen(operators[i].text);

		if (!strncmp(*value, operators[i].text, len)) {
			*value += len;
			return operators[i].op;
		}
	}
	return NOT;
}

/* A value as `print` would show it, so that 10 finds 10s. */
static int canonical(struct condition *c, const char *value)
{
	const bool compares = c->op != IS_EQUAL && c->op != IS_NOT_EQUAL;
	const bool text = properties[c->p].kind == KIND_TEXT;
	const char *why = NULL;
	struct tunnel t;

	tunnel_defaults(&t);
	/* Conditions under which a property has no value. */
	t.ipsec_profile = IPSEC_MODERN;
	t.ipsec_state = IPSEC_ESTABLISHED;
	if (text)
		snprintf(c->value, sizeof(c->value), "%s", value);
	else
		why = property_parse(c->p, &t, value);
	if (!why && !text)
		property_format(c->p, &t, c->value);
	if (!why && compares && !property_number(c->p, &t, &c->number))
		why = "can't be compared by < or >";
	if (why)
		return usage("where", "%s: '%s' %s", properties[c->p].name, value, why);
	return 0;
}

static int parse_test(struct condition *c, char *word)
{
	const size_t len = strcspn(word, "=!~<>");
	char *value = word + len;

	c->p = find_property("where", word, len);
	if (c->p < 0)
		return -1;
	if (c->p == P_IPSEC_SECRET_FILE)
		return usage("where", "ipsec-secret-file: can't be read back");
	if (!*value) {
		/* "running" */
		if (properties[c->p].kind != KIND_YES_NO)
			return usage("where", "%s: has no value", properties[c->p].name);
		strcpy(c->value, "yes");
		return 0;
	}
	c->op = parse_operator(&value);
	if (c->op == NOT)
		return usage("where", "%s: is not property=value", word);
	if (c->op != IS_LIKE)
		return canonical(c, value);
	if (!regcomp(&c->regex, value, REG_EXTENDED | REG_NOSUB))
		return 0;
	c->op = IS_EQUAL;	/* there is nothing to free */
	return usage("where", "%s: is not a regular expression", value);
}

static struct condition *parse_expression(struct lexer *l);

static struct condition *parse_factor(struct lexer *l)
{
	struct condition *c;
	char *text, *end, kept;
	int ret;

	if (++l->depth > MAX_DEPTH || ++l->tests > MAX_TESTS) {
		usage("where", "too many conditions");
		return NULL;
	}
	if (take(l, '!')) {
		c = new_condition(NOT);
		c->a = parse_factor(l);
		l->depth--;
		if (c->a)
			return c;
		condition_free(c);
		return NULL;
	}
	if (take(l, '(')) {
		c = parse_expression(l);
		l->depth--;
		if (!c || take(l, ')'))
			return c;
		usage("where", "'(' has no ')'");
		condition_free(c);
		return NULL;
	}
	l->depth--;
	text = peek(l);
	end = text ? end_of_test(l, text) : NULL;
	if (!text || end == text || !strcmp(text, "and") || !strcmp(text, "or")) {
		usage("where", "%s: a condition is missing", text ?: "at the end");
		return NULL;
	}
	c = new_condition(IS_EQUAL);
	kept = *end;
	*end = '\0';
	ret = parse_test(c, text);
	*end = kept;
	l->text = end;
	if (!kept)
		next_word(l);
	if (!ret)
		return c;
	condition_free(c);
	return NULL;
}

static struct condition *join(enum operator op, struct condition *a, struct condition *b)
{
	struct condition *c;

	if (!b) {
		condition_free(a);
		return NULL;
	}
	c = new_condition(op);
	c->a = a;
	c->b = b;
	return c;
}

static bool ends_term(struct lexer *l)
{
	const char *text = peek(l);

	return !text || *text == ')' || !strcmp(text, "or");
}

static struct condition *parse_term(struct lexer *l)
{
	struct condition *c = parse_factor(l);

	while (c && !ends_term(l)) {
		take_word(l, "and");
		c = join(AND, c, parse_factor(l));
	}
	return c;
}

static struct condition *parse_expression(struct lexer *l)
{
	struct condition *c = parse_term(l);

	while (c && take_word(l, "or"))
		c = join(OR, c, parse_term(l));
	return c;
}

/**
 * condition_parse() - Read a condition
 * @words: its words; unchanged afterwards
 * @n: how many, at least one
 * @split: brackets are words of their own, as split_words() makes them; otherwise they
 *	may stand at the beginning and at the end of a word, as in a shell's
 *
 * Return: the condition, to be freed by condition_free(), or NULL after an error was
 * printed.
 */
struct condition *condition_parse(char **words, size_t n, bool split)
{
	struct lexer l = { .words = words, .n = n, .split = split };
	struct condition *c = parse_expression(&l);

	if (!c || !peek(&l))
		return c;
	usage("where", "%s: unexpected argument", peek(&l));
	condition_free(c);
	return NULL;
}

static bool is_equal(const struct condition *c, const struct tunnel *t)
{
	char value[FORMAT_MAX];

	property_format(c->p, t, value);
	if (!strcmp(value, c->value))
		return true;
	return (c->p == P_NAME || c->p == P_ALTNAMES) && has_altname(t, c->value);
}

static bool is_altname_like(const struct condition *c, const struct tunnel *t)
{
	const char *rest = t->altnames, *altname;
	char name[IPIPCTL_ALTNAME_MAX + 1];
	size_t len;

	while ((altname = next_altname(&rest, &len))) {
		snprintf(name, sizeof(name), "%.*s", (int)len, altname);
		if (!regexec(&c->regex, name, 0, NULL, 0))
			return true;
	}
	return false;
}

static bool is_like(const struct condition *c, const struct tunnel *t)
{
	char value[FORMAT_MAX];

	property_format(c->p, t, value);
	if (!regexec(&c->regex, value, 0, NULL, 0))
		return true;
	return (c->p == P_NAME || c->p == P_ALTNAMES) && is_altname_like(c, t);
}

/**
 * condition_holds() - Check whether a tunnel meets a condition
 * @c: the condition
 * @t: the tunnel
 *
 * Return: true if it does. A missing value is neither less nor more than any other.
 */
bool condition_holds(const struct condition *c, const struct tunnel *t)
{
	int64_t number;

	switch (c->op) {
	case NOT:
		return !condition_holds(c->a, t);
	case AND:
		return condition_holds(c->a, t) && condition_holds(c->b, t);
	case OR:
		return condition_holds(c->a, t) || condition_holds(c->b, t);
	case IS_EQUAL:
		return is_equal(c, t);
	case IS_NOT_EQUAL:
		return !is_equal(c, t);
	case IS_LIKE:
		return is_like(c, t);
	default:
		break;
	}
	if (!property_number(c->p, t, &number))
		return false;
	switch (c->op) {
	case IS_LESS:
		return number < c->number;
	case IS_LESS_OR_EQUAL:
		return number <= c->number;
	case IS_GREATER:
		return number > c->number;
	default:
		return number >= c->number;
	}
}

/**
 * condition_mask() - Get the properties that a condition depends on
 * @c: the condition
 *
 * Return: BIT(P_*).
 */
uint64_t condition_mask(const struct condition *c)
{
	switch (c->op) {
	case NOT:
		return condition_mask(c->a);
	case AND:
	case OR:
		return condition_mask(c->a) | condition_mask(c->b);
	default:
		return BIT(c->p);
	}
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Formatting, as C's printf with d i u x X o c s p %, widths, precisions, flags "-0+ #" and sizes
 * hh h l ll z t j; and %pS, a code address as symbol+offset/size. */
#include <torc/print.h>

const char *(*print_symbol)(unsigned long addr, unsigned long *offset);

struct out {
	char *buf;
	size_t size, at;
};

static void put(struct out *o, char c)
{
	if (o->at + 1 < o->size)
		o->buf[o->at] = c;
	o->at++;
}

static void pad(struct out *o, char c, int n)
{
	while (n-- > 0)
		put(o, c);
}

struct spec {
	bool left, zero, plus, space, alt, upper;
	int width, precision;
};

static void put_string(struct out *o, const struct spec *s, const char *str, size_t len)
{
	if (!s->left)
		pad(o, ' ', s->width - (int)len);
	for (size_t i = 0; i < len; i++)
		put(o, str[i]);
	if (s->left)
		pad(o, ' ', s->width - (int)len);
}

static void put_number(struct out *o, const struct spec *s, uint64_t n, unsigned int base,
		       bool negative)
{
	const char *digits = s->upper ? "0123456789ABCDEF" : "0123456789abcdef";
	const char *prefix = negative ? "-" : s->plus ? "+" : s->space ? " " : "";
	char tmp[24];
	int len = 0, zeros, prefix_len, fill;

	if (s->alt && base == 16 && n)
		prefix = s->upper ? "0X" : "0x";
	for (; n; n /= base)
		tmp[len++] = digits[n % base];
	if (!len && s->precision)
		tmp[len++] = '0';
	prefix_len = (int)strlen(prefix);
	zeros = MAX(s->precision - len, 0);
	if (s->zero && !s->left && s->precision < 0)
		zeros = MAX(s->width - prefix_len - len, 0);
	fill = s->width - prefix_len - zeros - len;
	if (!s->left)
		pad(o, ' ', fill);
	while (*prefix)
		put(o, *prefix++);
	pad(o, '0', zeros);
	while (len)
		put(o, tmp[--len]);
	if (s->left)
		pad(o, ' ', fill);
}

static void put_symbol(struct out *o, unsigned long addr)
{
	const struct spec plain = { .precision = -1, .alt = true };
	unsigned long offset = 0;
	const char *name = print_symbol ? print_symbol(addr, &offset) : NULL;

	if (!name) {
		put_number(o, &plain, addr, 16, false);
		return;
	}
	while (*name)
		put(o, *name++);
	put(o, '+');
	put_number(o, &plain, offset, 16, false);
}

static const char *parse_spec(const char *f, struct spec *s, va_list *ap)
{
	for (;; f++) {
		if (*f == '-')
			s->left = true;
		else if (*f == '0')
			s->zero = true;
		else if (*f == '+')
			s->plus = true;
		else if (*f == ' ')
			s->space = true;
		else if (*f == '#')
			s->alt = true;
		else
			break;
	}
	if (*f == '*') {
		s->width = va_arg(*ap, int);
		if (s->width < 0) {
			s->left = true;
			s->width = -s->width;
		}
		f++;
	}
	for (; *f >= '0' && *f <= '9'; f++)
		s->width = s->width * 10 + *f - '0';
	if (*f != '.')
		return f;
	s->precision = 0;
	if (*++f == '*') {
		s->precision = va_arg(*ap, int);
		return f + 1;
	}
	for (; *f >= '0' && *f <= '9'; f++)
		s->precision = s->precision * 10 + *f - '0';
	return f;
}

/* Bytes of the argument by its size letters. */
static const char *parse_size(const char *f, unsigned int *bytes)
{
	*bytes = sizeof(int);
	if (*f == 'h') {
		*bytes = 2;
		if (*++f == 'h') {
			*bytes = 1;
			f++;
		}
	} else if (*f == 'l' || *f == 'z' || *f == 't' || *f == 'j') {
		*bytes = 8;
		if (*f++ == 'l' && *f == 'l')
			f++;
	}
	return f;
}

static void put_integer(struct out *o, struct spec *s, char conv, unsigned int bytes, va_list *ap)
{
	uint64_t n = bytes == 8 ? va_arg(*ap, uint64_t) : va_arg(*ap, unsigned int);
	unsigned int shift = 64 - bytes * 8;
	bool negative = false;

	if (conv == 'd' || conv == 'i') {
		int64_t v = (int64_t)(n << shift) >> shift;

		negative = v < 0;
		n = negative ? -(uint64_t)v : (uint64_t)v;
	} else {
		n = n << shift >> shift;
	}
	s->upper = conv == 'X';
	put_number(o, s, n, conv == 'x' || conv == 'X' ? 16 : conv == 'o' ? 8 : 10, negative);
}

int vformat(char *buf, size_t size, const char *fmt, va_list args)
{
	struct out o = { buf, size, 0 };
	unsigned int bytes;
	const char *str;
	va_list ap;
	char c;

	va_copy(ap, args);
	for (; *fmt; fmt++) {
		struct spec s = { .precision = -1 };

		if (*fmt != '%') {
			put(&o, *fmt);
			continue;
		}
		fmt = parse_size(parse_spec(fmt + 1, &s, &ap), &bytes);
		switch (*fmt) {
		case 'd':
		case 'i':
		case 'u':
		case 'x':
		case 'X':
		case 'o': put_integer(&o, &s, *fmt, bytes, &ap); break;
		case 'c':
			c = (char)va_arg(ap, int);
			put_string(&o, &s, &c, 1);
			break;
		case 's':
			str = va_arg(ap, const char *);
			if (!str)
				str = "(null)";
			put_string(&o, &s, str,
				   s.precision >= 0 ? strnlen(str, (size_t)s.precision) :
						      strlen(str));
			break;
		case 'p':
			if (fmt[1] == 'S') {
				fmt++;
				put_symbol(&o, va_arg(ap, unsigned long));
				break;
			}
			s.alt = true;
			put_number(&o, &s, va_arg(ap, unsigned long), 16, false);
			break;
		case '%': put(&o, '%'); break;
		case '\0': fmt--; break;
		default: put(&o, '%'); put(&o, *fmt);
		}
	}
	va_end(ap);
	if (size)
		buf[MIN(o.at, size - 1)] = '\0';
	return (int)o.at;
}

int format(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vformat(buf, size, fmt, ap);
	va_end(ap);
	return n;
}

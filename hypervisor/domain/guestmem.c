/* SPDX-License-Identifier: BSD-2-Clause */
/* Access to guest memory: by address through the current vcpu's tables, where any access may fault;
 * by frame through the direct map. */
#include <torc/guestmem.h>
#include <torc/x86.h>

#define LOW_END 0x0000800000000000ul /* first address that is not canonical */

bool guest_range_ok(const struct vcpu *v, gaddr_t a, size_t n)
{
	unsigned long last = a.n + n - 1;

	if (!n)
		return true;
	if (last < a.n)
		return false;
	if (v->domain->is_32bit)
		return last < 1ul << 32;
	return last < LOW_END || a.n >= HYP_END;
}

/* The two places where nearly all of it is done: words are copied in line. */
static inline __attribute__((always_inline)) int copy(void *dst, const void *src, size_t n)
{
	if (likely(copy_is_words(n)))
		return copy_words_may_fault(dst, src, n) ? -XEN_EFAULT : 0;
	return copy_may_fault(dst, src, n) ? -XEN_EFAULT : 0;
}

int guest_read(void *dst, gaddr_t src, size_t n)
{
	if (unlikely(!guest_range_ok(current, src, n)))
		return -XEN_EFAULT;
	return copy(dst, (const void *)src.n, n);
}

int guest_write(gaddr_t dst, const void *src, size_t n)
{
	if (unlikely(!guest_range_ok(current, dst, n)))
		return -XEN_EFAULT;
	return copy((void *)dst.n, src, n);
}

int guest_clear(gaddr_t dst, size_t n)
{
	static const char zeroes[256];
	size_t part;

	if (!guest_range_ok(current, dst, n))
		return -XEN_EFAULT;
	for (; n; n -= part, dst.n += part) {
		part = MIN(n, sizeof(zeroes));
		if (copy_may_fault((void *)dst.n, zeroes, part))
			return -XEN_EFAULT;
	}
	return 0;
}

int guest_read_string(char *dst, gaddr_t src, size_t size)
{
	size_t at, part;

	/* Up to the end of a page at a time: the string may end where the mapping does. */
	for (at = 0; at < size; at += part) {
		part = MIN(size - at, PAGE_SIZE - ((src.n + at) & (PAGE_SIZE - 1)));
		if (guest_read(dst + at, GADDR(src.n + at), part))
			return -XEN_EFAULT;
		if (strnlen(dst + at, part) < part)
			return 0;
	}
	return -XEN_E2BIG;
}

void *guest_frame_map(struct domain *d, mfn_t m, bool write)
{
	struct frame *f;

	if (!mfn_valid(m))
		return NULL;
	f = mfn_frame(m);
	if (write ? frame_get_typed(f, d, FT_WRITABLE) != 0 : !frame_get(f, d))
		return NULL;
	return mfn_to_virt(m);
}

void guest_frame_unmap(void *p, bool write)
{
	struct frame *f = mfn_frame(virt_to_mfn(p));

	if (write)
		frame_put_typed(f);
	else
		frame_put(f);
}

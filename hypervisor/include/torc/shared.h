/* SPDX-License-Identifier: BSD-2-Clause */
/* Fields of shared_info and vcpu_info in the domain's own layout. Guests write them at will: what
 * is read is only ever a hint or checked. */
#ifndef TORC_SHARED_H
#define TORC_SHARED_H

#include <torc/domain.h>

static inline struct shared_info_x86_32 *shared32(const struct domain *d)
{
	return (struct shared_info_x86_32 *)d->shared;
}
static inline struct vcpu_info_x86_32 *info32(const struct vcpu *v)
{
	return (struct vcpu_info_x86_32 *)v->info;
}

static inline void *shared_pending(const struct domain *d)
{
	return d->is_32bit ? (void *)shared32(d)->evtchn_pending : (void *)d->shared->evtchn_pending;
}
static inline void *shared_mask(const struct domain *d)
{
	return d->is_32bit ? (void *)shared32(d)->evtchn_mask : (void *)d->shared->evtchn_mask;
}
static inline unsigned int shared_word_bits(const struct domain *d)
{
	return d->is_32bit ? 32 : 64;
}

/* vcpu_info: upcall_pending and upcall_mask are at bytes 0 and 1 in both layouts. */
static inline uint8_t *vcpu_upcall_pending(const struct vcpu *v)
{
	return (uint8_t *)v->info;
}
static inline uint8_t *vcpu_upcall_mask(const struct vcpu *v)
{
	return (uint8_t *)v->info + 1;
}
static inline void *vcpu_pending_sel(const struct vcpu *v)
{
	return v->domain->is_32bit ? (void *)&info32(v)->evtchn_pending_sel :
				     (void *)&v->info->evtchn_pending_sel;
}
static inline void vcpu_set_cr2(const struct vcpu *v, unsigned long cr2)
{
	if (v->domain->is_32bit)
		info32(v)->arch.cr2 = (uint32_t)cr2;
	else
		v->info->arch.cr2 = cr2;
}
static inline struct vcpu_time_info *vcpu_time(const struct vcpu *v) /* same layout in both widths;
									other offset */
{
	return v->domain->is_32bit ? (void *)&info32(v)->time : (void *)&v->info->time;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/*
 * The rules of the VF token, as the series implement them, for Spin:
 *
 *	spin -run token.pml		the group's path: v5.4, v5.5
 *	spin -run -DCDEV token.pml	VFIO_DEVICE_BIND_IOMMUFD: v6.6, v6.12
 *
 * A PF's user, users of two VFs and an administrator do what they may, in any
 * order; whatever can fail may fail.  FAULT plants a mistake, and each one must
 * be found:
 *
 *	1  a VF's token is compared, and the VF counted, under two locks
 *	2  an open of a VF that fails stays counted
 *	3  a PF's open gives it a new token while VFs are in use
 *	4  the PF's driver goes while a VF is in use
 *	5  VFs are forgotten that are in use, as they are disabled
 *	6  CDEV: the token isn't looked at a second time
 *	7  CDEV: a PF's bind that fails leaves its new token behind
 */

#ifndef FAULT
#define FAULT 0
#endif

#define VFS	2
#define NONE	0	/* no token is shown */
#define A	1
#define B	2
#define RANDOM	3	/* nobody knows it */

byte token = RANDOM;	/* the PF's */
byte users;		/* how many VFs count as in use */
bool bound = true;	/* the PF, to vfio-pci */
bool going;		/* VFs are being disabled: none can be opened any more */
bool have_vfs;

/* What the kernel doesn't know: whether a VF is in use, and what for. */
bool in_use[VFS];
byte agreed[VFS];	/* the token that was shown */

#define IN_USE	(in_use[0] + in_use[1])

/* A VF's user agreed to the PF's token; only the PF's user changes it since. */
#define AGREES(vf) (!in_use[vf] || agreed[vf] == token)

inline check() {
	assert(AGREES(0) && AGREES(1));
	assert(!IN_USE || (bound && have_vfs));
}

inline choose(shown) {
	if
	:: shown = NONE
	:: shown = A
	:: shown = B
	fi
}

proctype vf_user(byte vf) {
	byte shown;
	bool ok;

	do
	:: choose(shown);
	   ok = false;
#ifdef CDEV
	   /* The first look, before the device is reset */
	   atomic { ok = have_vfs && !going && shown == token };
	   if
	   /* The device set's lock keeps others from the VF. */
	   :: ok ->
		atomic {
			if
			:: have_vfs && !going -> users++
			:: else -> ok = false
			fi
		};
		if
		:: ok ->
			if
			:: true	/* all has succeeded */
			:: ok = false	/* the open, or a step behind it, fails */
			fi;
			atomic {
				if
				:: ok && (FAULT == 6 || shown == token) ->
					in_use[vf] = true;
					agreed[vf] = shown;
					check()
				:: else ->
					ok = false;
					users = users - (FAULT != 2)
				fi;
			}
		:: else
		fi
	   :: else
	   fi;
#else
	   if
	   :: FAULT == 1 ->
		atomic { ok = have_vfs && !going && shown == token; agreed[vf] = shown };
		atomic { users = users + ok }
	   :: else ->
		atomic {
			ok = have_vfs && !going && shown == token;
			agreed[vf] = shown;
			users = users + ok
		}
	   fi;
	   /* It counts from now on, though it isn't open yet. */
	   if
	   :: ok ->
		if
		:: atomic { in_use[vf] = true; check() }
		:: atomic { ok = false; users = users - (FAULT != 2) }
		fi
	   :: else
	   fi;
#endif
	   if
	   :: ok -> atomic { in_use[vf] = false; users-- }
	   :: else
	   fi;
	   ok = false
	od
}

proctype pf_user() {
	byte shown, before;
	bool ok;

	do
	:: choose(shown);
	   ok = false;
#ifdef CDEV
	   atomic { ok = bound && (users == 0 || shown == token) };
	   if
	   :: ok ->
		if
		:: true
		:: ok = false	/* before the last step */
		fi;
		atomic {
			before = token;
			if
			:: FAULT == 7 && users == 0 && shown != NONE ->
				token = shown
			:: else
			fi;
			if
			:: !ok
			:: ok && !bound -> ok = false
			/* Who shows none agrees with whoever came since. */
			:: ok && bound && shown == NONE
			:: ok && bound && shown != NONE && users == 0 ->
				token = shown
			:: ok && bound && shown != NONE && users > 0 ->
				ok = FAULT == 6 || shown == token;
				if
				:: FAULT == 6 -> token = shown
				:: else
				fi
			fi;
			assert(ok || token == before);
			check()
		}
	   :: else
	   fi;
#else
	   atomic {
		if
		:: bound && (users == 0 || shown == token || FAULT == 3) ->
			ok = true;
			if
			:: shown != NONE -> token = shown
			:: else
			fi
		:: else
		fi;
		check()
	   };
#endif
	   /* The PF's user may change the token; users of VFs have agreed to that. */
	   do
	   :: ok && bound ->
		atomic {
			choose(shown);
			if
			:: bound && shown != NONE ->
				token = shown;
				agreed[0] = shown;
				agreed[1] = shown
			:: else
			fi
		}
	   :: break
	   od
	od
}

/* The kernel keeps who disables VFs waiting until none is in use. */
inline disable_vfs() {
	going = true;
	if
	:: users == 0
	:: FAULT == 5
	fi;
	atomic { have_vfs = false; going = false; check() }
}

proctype administrator() {
	do
	:: atomic { bound && !have_vfs -> have_vfs = true }
	:: have_vfs -> disable_vfs()
	:: bound ->
		if
		:: have_vfs && FAULT != 4 -> disable_vfs()
		:: else
		fi;
		atomic { bound = false; check() };
		/* Bound again, it has another token. */
		atomic { have_vfs = false; bound = true; token = RANDOM }
	od
}

/* The count is the number of users, whenever nobody is on the way. */
active proctype count() {
end:	do
	:: atomic { users < IN_USE -> assert(false) }
	:: atomic { users > VFS -> assert(false) }
	od
}

init {
	atomic { run pf_user(); run vf_user(0); run vf_user(1); run administrator() }
}

/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/*
 * A PF's process that sets a new VF token on SIGHUP, without a restart:
 *
 *     vftoken_rotate -a 0000:01:00.0 --vfio-vf-token=0000:01:00.0=file:/run/vf-token
 *     dpdk-vftoken generate --output /run/vf-token.next && kill -HUP PID
 *
 * SIGINT or SIGTERM ends it.
 */

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>

#include <rte_debug.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_log.h>

#include <vftoken/pf.h>

/* VFs that are open stay open. From now on, opening a VF needs the new token. */
static void
rotate(const char *pf)
{
	/* It reads the token's source again. EAL's log explains a failure. */
	if (vftoken_pf_reload_token(vftoken_context_process(), pf) == 0)
		RTE_LOG(NOTICE, USER1, "%s: rotated\n", pf);
	else
		RTE_LOG(ERR, USER1, "%s: not rotated, see above\n", pf);
}

static void
rotate_all(void)
{
	struct rte_eth_dev_info info;
	uint16_t port;

	RTE_ETH_FOREACH_DEV(port)
	if (rte_eth_dev_info_get(port, &info) == 0)
		rotate(rte_dev_name(info.device));
}

int
main(int argc, char **argv)
{
	sigset_t signals;
	int signal;

	/* Block them before EAL starts its threads, so each signal waits for sigwait(). */
	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);

	if (rte_eal_init(argc, argv) < 0)
		rte_exit(EXIT_FAILURE, "EAL doesn't start, see above\n");
	if (rte_eth_dev_count_avail() == 0)
		rte_exit(EXIT_FAILURE, "no port to rotate the VF token of; name a PF with -a\n");
	RTE_LOG(NOTICE, USER1, "ready; SIGHUP rotates the VF token\n");

	while (sigwait(&signals, &signal) == 0 && signal == SIGHUP)
		rotate_all();

	return rte_eal_cleanup() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

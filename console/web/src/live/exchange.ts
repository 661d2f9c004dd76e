/** Whether a telephone can be rung at all: what would only be refused is not offered. */
import { computed } from 'vue'
import { away, parts, serverUp } from './store'

const WAY = ['asterisk', 'ami', 'ami_bridge']
/** true: the exchange, or our link to it, is known to be away. Not knowing is no reason to forbid. */
export const exchangeAway = computed(() =>
  !serverUp.value || WAY.some((name) => parts.value?.parts[name]?.state === 'down') || (parts.value === null && (away.value === 'asterisk' || away.value === 'bridge')))

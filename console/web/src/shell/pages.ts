/**
 * Every page: its place in the address, its sign and word in the rail, who sees it, where its code is. A new page is one entry here.
 * Only the desk is in the first script; every other page is fetched when it is opened.
 */
import { defineAsyncComponent, type Component } from 'vue'
import type { Key } from '../i18n'
import type { IconName } from '../ui/icons'

export interface PageEntry {
  /** After the `#/`; with `/ID` behind it where `withId`. Never a telephone number in it. */
  path: string
  withId?: boolean
  component: Component
  /** In the rail; without it the page is reached from another one. */
  rail?: { icon: IconName; words: Key }
  /** The rail's entry that is marked while this page is open. */
  under?: string
  /** Who sees it; nobody named: everybody. The server decides anyway. */
  roles?: readonly string[]
  /** The page alone, without head and rail: the wall. */
  alone?: boolean
}
const later = (load: () => Promise<{ default: Component }>): Component => defineAsyncComponent({ loader: load, delay: 200 })
export const LEADS = ['supervisor', 'admin'] as const

export const PAGES = {
  log: { path: 'catatan', component: later(() => import('../log/LogPage.vue')), rail: { icon: 'log', words: 'nav.log' } },
  incident: { path: 'catatan', withId: true, component: later(() => import('../log/IncidentPage.vue')), under: 'log' },
  calls: { path: 'panggilan', component: later(() => import('../log/CallsPage.vue')), rail: { icon: 'calls', words: 'log.calls' } },
  call: { path: 'panggilan', withId: true, component: later(() => import('../log/CallPage.vue')), under: 'calls' },
  missed: { path: 'tak-terjawab', component: later(() => import('../missed/MissedPage.vue')), rail: { icon: 'missed', words: 'nav.missed' } },
  blocks: { path: 'blokir', component: later(() => import('../blocklist/BlocksPage.vue')), rail: { icon: 'blocks', words: 'nav.blocks' }, roles: LEADS },
  board: { path: 'papan', component: later(() => import('../board/BoardPage.vue')), rail: { icon: 'board', words: 'board.title' }, roles: ['agent', 'supervisor', 'dispatcher', 'admin'], alone: true },
  supervision: { path: 'pengawasan', component: later(() => import('../supervision/SupervisionPage.vue')), rail: { icon: 'supervision', words: 'supervision.title' }, roles: LEADS },
  training: { path: 'latihan', component: later(() => import('../training/TrainingPage.vue')), rail: { icon: 'training', words: 'training.title' }, roles: ['agent', 'supervisor', 'qc', 'admin'] },
  status: { path: 'keadaan', component: later(() => import('../status/StatusPage.vue')), rail: { icon: 'pulse', words: 'status.title' }, roles: LEADS },
  help: { path: 'bantuan', component: later(() => import('./HelpPage.vue')), rail: { icon: 'help', words: 'nav.help' } },
} as const satisfies Record<string, PageEntry>
export type PageName = 'desk' | keyof typeof PAGES

export const entries: [keyof typeof PAGES, PageEntry][] = Object.entries(PAGES) as [keyof typeof PAGES, PageEntry][]
export function entryOf(name: PageName): PageEntry | null { return name === 'desk' ? null : PAGES[name] }
export function allowed(entry: PageEntry, role: string | undefined): boolean { return !entry.roles || entry.roles.includes(role ?? '') }

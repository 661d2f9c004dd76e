/** Words of one feature: Indonesian first, and English beside it under the same keys; the compiler finds what is missing. */
export const id = {
} as const
export const en: Record<keyof typeof id, string> = {
}

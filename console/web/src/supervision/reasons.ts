/** Why a supervisor puts somebody into pause; the same words as the call taker's own. */
export const REASONS = ['istirahat', 'administrasi', 'pelatihan', 'perangkat', 'ibadah'] as const

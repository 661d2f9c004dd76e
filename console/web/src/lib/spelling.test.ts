import { describe, expect, it } from 'vitest'
import { inFours, spell } from './spelling'

const digits = 'nol satu dua tiga empat lima enam tujuh delapan sembilan'.split(' ')
describe('spelling a link', () => {
  it('says letters, capitals, figures and signs', () => {
    expect(spell('aZ7-', digits, '{letter} besar', { '-': 'strip' }).map((one) => one.say)).toEqual(['alfa', 'zulu besar', 'tujuh', 'strip'])
  })
  it('groups by four', () => {
    expect(inFours([...'abcdefghij']).map((one) => one.join(''))).toEqual(['abcd', 'efgh', 'ij'])
  })
})

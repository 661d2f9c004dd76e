import { describe, expect, it } from 'vitest'
import { briefly, identify, masked, operator, pretty } from './numbers'

const caller = (number: string | null, kind: string) => ({ number, e164: null, presentation: 'allowed', kind })

describe('numbers for the eye', () => {
  it('groups mobiles and landlines, leaves short and strange ones alone', () => {
    expect(pretty('+6281225550141')).toBe('0812-2555-0141')
    expect(pretty('0243512345')).toBe('024-3512345')
    expect(pretty('110')).toBe('110')
    expect(pretty('<b>1</b>')).toBe('<b>1</b>')
  })
  it('masks all but the last of the last four figures', () => {
    expect(masked('+6285744120009')).toBe('0857-4412-•••9')
    expect(masked('110')).toBe('110')
  })
  it('says in words why there is no number', () => {
    expect(identify(caller('911-356938035643809', 'simless'), false)).toEqual({ text: '', word: 'simless' })
    expect(identify(caller(null, 'withheld'), false).word).toBe('withheld')
    expect(identify(null, true).word).toBe('unknown')
    expect(identify(caller('081225550141', 'mobile'), false)).toEqual({ text: '0812-2555-0141', word: null })
  })
  it('names the operator of a mobile prefix only', () => {
    expect(operator(caller('+6281225550141', 'mobile'))).toBe('Telkomsel')
    expect(operator(caller('0243512345', 'landline'))).toBeNull()
    expect(operator(caller('911-356938035643809', 'simless'))).toBeNull()
  })
})

describe('a narrow list', () => {
  it('keeps the form that people know where the server has masked', () => {
    expect(briefly({ number: '+628***41', e164: '+628***41', presentation: 'allowed', kind: 'mobile' })).toEqual({ text: '08***41', key: null })
  })
  it('has a short word where there is no number', () => {
    expect(briefly(caller(null, 'withheld')).key).toBe('kind.withheld')
    expect(briefly(caller(null, 'unknown')).key).toBe('caller.unknown')
  })
})

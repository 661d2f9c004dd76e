import { describe, expect, it } from 'vitest'
import { area } from './areas'

describe('where a landline stands', () => {
  it.each([
    ['0243540000', 'Semarang/Demak'], ['+62243540000', 'Semarang/Demak'], ['0251832000', 'Bogor'], ['0285421000', 'Pekalongan/Batang/Comal'], ['0911352000', 'Ambon'],
  ])('%s is %s', (number, where) => { expect(area(number)).toBe(where) })
  it.each(['081225550141', '112', '', null, '911-356938035643809', '0099'])('%s is none', (number) => { expect(area(number)).toBeNull() })
})

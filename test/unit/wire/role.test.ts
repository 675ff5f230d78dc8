import { describe, expect, it } from 'vitest';
import {
  codeOfRole,
  describeRole,
  parseRole,
  roleOfCode,
  roles,
  signsFiles,
} from '../../../src/wire/role.ts';

describe('roles (formats.md §3)', () => {
  it('have the numbers of the format', () => {
    expect(roles.map((role) => [codeOfRole(role), role])).toEqual([
      [0, 'SAST'],
      [1, 'CCM'],
      [2, 'CCM+TFTP'],
      [3, 'TFTP'],
      [4, 'CAPF'],
      [7, 'APP-SERVER'],
      [21, 'TVS'],
    ]);
  });

  it.each(roles)('%s is found by its number and by its name in any case', (role) => {
    expect(roleOfCode(codeOfRole(role))).toBe(role);
    expect(parseRole(role.toLowerCase())).toBe(role);
  });

  it('are no more than these', () => {
    expect([5, 6, 8, 20, 22, 256, 65_535].map(roleOfCode)).toEqual(Array.from({ length: 7 }));
    expect(parseRole('CTL')).toBeUndefined();
  });

  it('are called as show ctl calls them', () => {
    expect(describeRole('SAST')).toBe('System Administrator Security Token');
    expect(describeRole('CCM+TFTP')).toBe('CCM+TFTP');
  });

  it('sign files as TFTP and CCM+TFTP only', () => {
    expect(roles.filter(signsFiles)).toEqual(['CCM+TFTP', 'TFTP']);
  });
});

/**
 * Roles of certificates in trust lists and in TVS answers (formats.md §3), under the names administrators know.
 * The list is closed: a number that is not here is an error for whoever reads it, never dropped.
 */

export type Role = 'SAST' | 'CCM' | 'CCM+TFTP' | 'TFTP' | 'CAPF' | 'APP-SERVER' | 'TVS';

const codeByRole: Readonly<Record<Role, number>> = {
  SAST: 0,
  CCM: 1,
  'CCM+TFTP': 2,
  TFTP: 3,
  CAPF: 4,
  'APP-SERVER': 7,
  TVS: 21,
};

export const roles = Object.keys(codeByRole) as readonly Role[];

const roleByCode = new Map(roles.map((role) => [codeByRole[role], role]));

export function codeOfRole(role: Role): number {
  return codeByRole[role];
}

export function roleOfCode(code: number): Role | undefined {
  return roleByCode.get(code);
}

/** Reads a role as people type it; upper and lower case are the same. */
export function parseRole(text: string): Role | undefined {
  const wanted = text.toUpperCase();
  return roles.find((role) => role === wanted);
}

/** FUNCTION as `show ctl` prints it (domain.md §7). */
export function describeRole(role: Role): string {
  return role === 'SAST' ? 'System Administrator Security Token' : role;
}

/** May this role sign a file that is not a trust list? (domain.md §2, rules 1 and 2) */
export function signsFiles(role: Role): boolean {
  return role === 'TFTP' || role === 'CCM+TFTP';
}

/** Seconds since the epoch as text, in UTC, without a clock or a locale: the pure rooms have neither. */

interface UtcParts {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
  /** 0 is Sunday. */
  readonly weekday: number;
  readonly time: string;
}

/** `2026-11-21T10:53:07Z`. */
export function formatIsoSeconds(seconds: number): string {
  const { year, month, day, time } = utcParts(seconds);
  return `${String(year).padStart(4, '0')}-${twoDigits(month)}-${twoDigits(day)}T${time}Z`;
}

/** `Sat Nov 21 10:53:07 UTC 2026`, as date(1) and CUCM print it. */
export function formatDateLine(seconds: number): string {
  const { year, month, day, weekday, time } = utcParts(seconds);
  return `${weekdays[weekday]} ${months[month - 1]} ${twoDigits(day)} ${time} UTC ${year}`;
}

const weekdays = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Days to a civil date: years begin in March, so that the leap day is the last of its year; eras have 400 years. */
function utcParts(seconds: number): UtcParts {
  const days = Math.floor(seconds / 86_400);
  const inDay = seconds - days * 86_400;
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1_460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1,
    weekday: (((days + 4) % 7) + 7) % 7,
    time: [inDay / 3_600, (inDay / 60) % 60, inDay % 60].map((part) => twoDigits(Math.floor(part))).join(':'),
  };
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}

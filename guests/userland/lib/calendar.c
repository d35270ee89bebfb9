// Dates of the Gregorian calendar in UTC (gmtime(3), strftime(3)).
#include "user.h"

static const char *const days[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
static const char *const months[] = {"January", "February", "March",     "April",   "May",      "June",
                                     "July",    "August",   "September", "October", "November", "December"};

// Days from 1970-01-01 to the first of March of a year: years that begin in March have the leap day at their end.
static i64 days_to_march(i64 year) {
  i64 era = (year >= 0 ? year : year - 399) / 400, of_era = year - era * 400;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 - 719468;
}

void date_of(i64 seconds, struct date *into) {
  i64 day = seconds / 86400, rest = seconds % 86400;
  if (rest < 0) rest += 86400, day--;
  i64 year = 1970 + day / 366;
  while (days_to_march(year + 1) <= day) year++;
  while (days_to_march(year) > day) year--;
  i64 of_year = day - days_to_march(year);
  int month = (of_year * 5 + 2) / 153;
  into->day = of_year - (month * 153 + 2) / 5 + 1;
  into->month = month < 10 ? month + 2 : month - 10;
  into->year = month < 10 ? year : year + 1;
  into->hour = rest / 3600;
  into->minute = rest / 60 % 60;
  into->second = rest % 60;
  into->weekday = (day % 7 + 11) % 7;
  struct date first = {.year = into->year, .day = 1};
  into->yearday = day - seconds_of(&first) / 86400;
}

i64 seconds_of(const struct date *date) {
  i64 year = date->month < 2 ? date->year - 1 : date->year;
  int month = date->month < 2 ? date->month + 10 : date->month - 2;
  i64 day = days_to_march(year) + (month * 153 + 2) / 5 + date->day - 1;
  return day * 86400 + date->hour * 3600 + date->minute * 60 + date->second;
}

static void add_number(struct text *into, const char *format, i64 value) {
  char buffer[32];
  text_string(into, format_text(buffer, sizeof buffer, format, value));
}

void format_date(struct text *into, const char *format, const struct date *date, i64 seconds, u32 nanoseconds) {
  int hour12 = date->hour % 12 == 0 ? 12 : date->hour % 12;
  for (; *format != 0; format++) {
    if (*format != '%' || format[1] == 0) {
      text_put(into, *format);
      continue;
    }
    switch (*++format) {
      case 'a': text_add(into, days[date->weekday], 3); break;
      case 'A': text_string(into, days[date->weekday]); break;
      case 'b': case 'h': text_add(into, months[date->month], 3); break;
      case 'B': text_string(into, months[date->month]); break;
      case 'c': format_date(into, "%a %b %e %T %Y", date, seconds, nanoseconds); break;
      case 'C': add_number(into, "%02lld", date->year / 100); break;
      case 'd': add_number(into, "%02lld", (i64)date->day); break;
      case 'D': case 'x': format_date(into, "%m/%d/%y", date, seconds, nanoseconds); break;
      case 'e': add_number(into, "%2lld", (i64)date->day); break;
      case 'F': format_date(into, "%Y-%m-%d", date, seconds, nanoseconds); break;
      case 'H': add_number(into, "%02lld", (i64)date->hour); break;
      case 'I': add_number(into, "%02lld", (i64)hour12); break;
      case 'j': add_number(into, "%03lld", (i64)date->yearday + 1); break;
      case 'm': add_number(into, "%02lld", (i64)date->month + 1); break;
      case 'M': add_number(into, "%02lld", (i64)date->minute); break;
      case 'n': text_put(into, '\n'); break;
      case 'N': add_number(into, "%09lld", (i64)nanoseconds); break;
      case 'p': text_string(into, date->hour < 12 ? "AM" : "PM"); break;
      case 'r': format_date(into, "%I:%M:%S %p", date, seconds, nanoseconds); break;
      case 'R': format_date(into, "%H:%M", date, seconds, nanoseconds); break;
      case 's': add_number(into, "%lld", seconds); break;
      case 'S': add_number(into, "%02lld", (i64)date->second); break;
      case 't': text_put(into, '\t'); break;
      case 'T': case 'X': format_date(into, "%H:%M:%S", date, seconds, nanoseconds); break;
      case 'u': add_number(into, "%lld", date->weekday == 0 ? 7ll : date->weekday); break;
      case 'w': add_number(into, "%lld", (i64)date->weekday); break;
      case 'y': add_number(into, "%02lld", date->year % 100); break;
      case 'Y': add_number(into, "%lld", date->year); break;
      case 'z': text_string(into, "+0000"); break;
      case 'Z': text_string(into, "UTC"); break;
      case '%': text_put(into, '%'); break;
      default: text_put(into, '%'), text_put(into, *format);
    }
  }
}

/** Pictures that come with the digit model; their names begin with what they show. */
export const digitSamples: readonly string[] = [
  '0-handwriting.png',
  '1-print.png',
  '2-handwriting.png',
  '2-print.png',
  '3-handwriting.png',
  '4-handwriting.png',
  '4-print.png',
  '5-print.png',
  '6-handwriting.png',
  '7-handwriting.png',
  '8-print.png',
  '9-handwriting.png',
];

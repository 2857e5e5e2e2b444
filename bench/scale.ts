import { scalePage } from './scale/scale-page.ts';

process.stdout.write(scalePage());

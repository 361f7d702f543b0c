/** What `--import spanwise/register` loads. */
import 'spanwise/register';

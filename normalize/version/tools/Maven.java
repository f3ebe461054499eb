import java.io.BufferedReader;
import java.io.InputStreamReader;
import org.apache.maven.artifact.versioning.ComparableVersion;

public class Maven {
    public static void main(String[] args) throws Exception {
        System.out.println("# maven-artifact " + args[0] + ", ComparableVersion");
        var in = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = in.readLine()) != null; ) {
            String[] v = line.split("\t");
            // Maven takes any text for a version; those with other characters are in no repository.
            if (!v[0].matches("[0-9A-Za-z][0-9A-Za-z.+_-]*") || !v[1].matches("[0-9A-Za-z][0-9A-Za-z.+_-]*")) continue;
            int c = new ComparableVersion(v[0]).compareTo(new ComparableVersion(v[1]));
            System.out.println(v[0] + "\t" + v[1] + "\t" + Integer.signum(c));
        }
    }
}

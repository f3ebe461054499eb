using System;
using System.Reflection;

// NuGet.Versioning is built into nuget.exe; it is called by reflection.
class Pairs {
    static void Main(string[] args) {
        var nuget = Assembly.LoadFrom(args[0]);
        var type = nuget.GetType("NuGet.Versioning.NuGetVersion", true);
        var parse = type.GetMethod("TryParse", new[] { typeof(string), type.MakeByRefType() });
        var any = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance;
        var semantic = nuget.GetType("NuGet.Versioning.SemanticVersion", true);
        var compare = semantic.GetMethod("CompareTo", any, null, new[] { semantic }, null);
        Console.WriteLine("# NuGet.Versioning of nuget.exe " + nuget.GetName().Version);
        for (string line; (line = Console.ReadLine()) != null; ) {
            var v = line.Split('\t');
            var x = new object[] { v[0], null };
            var y = new object[] { v[1], null };
            if (!(bool)parse.Invoke(null, x) || !(bool)parse.Invoke(null, y)) continue;
            Console.WriteLine(v[0] + "\t" + v[1] + "\t" + Math.Sign((int)compare.Invoke(x[1], new[] { y[1] })));
        }
    }
}

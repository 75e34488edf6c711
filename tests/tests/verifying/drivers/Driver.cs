using System;
using System.IO;
using System.Text;

static class Driver
{
    static void Main()
    {
        foreach (string call in File.ReadAllLines("calls.tsv"))
        {
            string[] fields = call.Split('\t');
            bool accepted = DoDevWebhook.Verify(
                Text(fields[0]), Bytes(fields[1]), Text(fields[2]), long.Parse(fields[3].Substring(1)));
            Console.WriteLine(accepted ? "accepted" : "refused");
        }
    }

    static string Text(string field) => field == "-" ? null : Encoding.UTF8.GetString(Bytes(field));

    static byte[] Bytes(string field) => Convert.FromBase64String(field.Substring(1));
}
